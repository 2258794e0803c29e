import type { Connection } from 'mongoose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LeasedJob } from '../../src/jobs/queue.ts'
import { followUp } from '../../src/personalization/follow-up.ts'
import { rederiver } from '../../src/personalization/rederive.ts'
import { ruleWalk } from '../../src/personalization/rule-walk.ts'
import { eventStore } from '../../src/storage/events.ts'
import { prepareCollections } from '../../src/storage/mongo.ts'
import { ruleWalkStore } from '../../src/storage/rule-walks.ts'
import type { Tx } from '../../src/storage/transaction.ts'
import { demoPolicy, openHouse } from '../support/house.ts'

let house: Awaited<ReturnType<typeof openHouse>>
let db: Connection
const people: string[] = []
const count = 5
const today = Math.floor(Date.now() / 86_400_000)

beforeAll(async () => {
  house = await openHouse()
  ;({ db } = house)
  ruleWalkStore(db)
  eventStore(db)
  await prepareCollections(db)
  await db.createCollection('line')
  const state = { sums: { ordersLastYear: [today, 5] }, tallies: {}, marks: {}, interests: {}, happened: '' }
  for (let n = 0; n < count; n++) people.push(await house.addCustomer({ granted: ['email_marketing'], derived: { email_marketing: state } }))
}, 60_000)
afterAll(() => house[Symbol.asyncDispose]())

const line = () => db.collection<{ _id: string; payload: Record<string, unknown>; done?: true }>('line')

/** What a process does of the walk; before its write number `dies` it is gone, and writes nothing more. */
function processThat(dies: number) {
  let writes = 0
  const alive = (): void => {
    if (++writes >= dies) throw new Error('killed')
  }
  const counted =
    <Args extends unknown[], Result>(write: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      alive()
      return write(...args)
    }
  const walks = ruleWalkStore(db)
  const walk = ruleWalk({
    db,
    walks: {
      ...walks,
      begin: counted(walks.begin),
      derivedBy: counted(walks.derivedBy),
    },
    customers: { ...house.store, update: counted(house.store.update) },
    jobs: {
      put: async ({ kind, id, payload }, tx?: Tx) => {
        alive()
        const { upsertedCount } = await line().updateOne(
          { _id: `${kind}:${id}` },
          { $setOnInsert: { payload: { ...payload } } },
          { upsert: true, ...(tx && { session: tx }) },
        )
        return upsertedCount === 1
      },
    },
    followUp: followUp(demoPolicy),
    rederive: rederiver(demoPolicy, eventStore(db)),
    takeBackForAge: async () => {},
    policy: demoPolicy,
    now: () => new Date(),
  })
  return {
    isAlive: () => writes < dies,
    async run(): Promise<void> {
      await walk.announce()
      for (let job = await line().findOne({ done: { $exists: false } }); job !== null; job = await line().findOne({ done: { $exists: false } })) {
        const leased: LeasedJob = { id: job._id, kind: 'followRules', attempts: 1, payload: job.payload, customer: null }
        await walk.work(leased, new AbortController().signal)
        await line().updateOne({ _id: job._id }, { $set: { done: true } })
      }
    },
  }
}

test('killed between any two writes of a walk: the next process brings everybody to where the rules put them', { timeout: 120_000 }, async () => {
  const rows = db.collection<{ _id: string }>('customers')
  const said = db.collection<{ _id: string }>('rule_walks')
  await processThat(Infinity).run()
  let isDone = false
  for (let dies = 1; !isDone; dies++) {
    await rows.updateMany({}, { $unset: { memberships: '' } })
    await said.updateOne({ _id: 'segments' }, { $set: { policy: 'of before' } })
    const victim = processThat(dies)
    await victim.run().catch(() => {})
    isDone = victim.isAlive()
    await processThat(Infinity).run()
    const found = await rows.find({ _id: { $in: people } }).toArray()
    expect(found.map((row) => row['memberships' as '_id'])).toEqual(people.map(() => ['regulars@email_marketing']))
    expect(await said.findOne({ _id: 'segments' })).toMatchObject({ policy: demoPolicy.version, derivation: expect.not.stringMatching(/^mixed$/) })
    if (isDone) expect(dies).toBeGreaterThan(count + 2)
  }
})
