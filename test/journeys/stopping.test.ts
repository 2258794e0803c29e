import { MongoClient } from 'mongodb'
import { expect, test } from 'vitest'
import { startProcesses } from '../support/processes.ts'

test('told to stop, a gateway answers what it has begun, takes no more, and ends well', async () => {
  await using house = await startProcesses({ gateways: 1 })
  const [gateway] = house.gateways
  if (gateway === undefined) throw new Error('no gateway')
  const people = await Promise.all(['person-1', 'person-2', 'person-3'].map((as) => house.signIn('google', { as })))

  // Somebody else's transaction on the same customers: the decisions have begun, and wait.
  await using client = await MongoClient.connect(house.env.MONGODB_URI)
  await using session = client.startSession()
  session.startTransaction()
  await client
    .db()
    .collection('customers')
    .updateMany({}, { $set: { restricted: false } }, { session })
  await gateway.tell({ dieBefore: Number.MAX_SAFE_INTEGER, counting: 'writes' })
  const decide = 'mutation { setConsents(decisions: [{ purpose: "personalised_shop", granted: false }]) { id } }'
  const answers = people.map(({ accessToken }) => house.graphql(decide, {}, accessToken, gateway.url))
  await expect.poll(async () => (await gateway.commands()).length, { timeout: 10_000 }).toBeGreaterThan(people.length)

  gateway.signal('SIGTERM')
  await expect
    .poll(
      () =>
        fetch(`${gateway.url}/health/live`).then(
          ({ status }) => status,
          () => 'refused',
        ),
      { timeout: 10_000 },
    )
    .not.toBe(200)
  expect(gateway.hasEnded()).toBe(false)
  await session.abortTransaction()
  for (const { errors } of await Promise.all(answers)) expect(errors).toBeUndefined()
  expect(await gateway.ended).toBe(0)
  expect(await house.db.collection('consent_ledger').countDocuments()).toBe(people.length)
}, 60_000)
