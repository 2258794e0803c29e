import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownMongod, type OwnServer } from '../support/own-servers.ts'
import { startShop, type Shop } from '../support/shop.ts'

const stack = new AsyncDisposableStack()
let mongod: OwnServer
let shop: Shop
beforeAll(async () => {
  mongod = stack.use(await ownMongod())
  shop = stack.use(await startShop({ env: { MONGODB_URI: mongod.uri } }))
}, 120_000)
afterAll(() => stack.disposeAsync())

const decide = 'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }'

test('D11 the primary dies in the instant after each answer: what it acknowledged is there when it is back', { timeout: 120_000 }, async () => {
  const anna = await shop.signIn('google', { as: 'person-1101', client: 'account' })
  const { data } = await shop.graphql('{ purposes { id textVersion } }')
  const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'email_marketing')
  const receipts: string[] = []
  for (const granted of [true, false]) {
    const d = [{ purpose: 'email_marketing', granted, ...(granted && { textVersion }) }]
    const answer = await shop.graphql(decide, { d }, anna.accessToken)
    mongod.signal('SIGKILL')
    expect(answer.errors).toBeUndefined()
    receipts.push(answer.data.setConsents.id)
    await mongod.restart()
    const state = async () => {
      const read = await shop.graphql('{ me { consents { purpose state } } }', {}, anna.accessToken)
      return read.data?.me?.consents.find(({ purpose }: { purpose: string }) => purpose === 'email_marketing')?.state
    }
    await expect.poll(state, { timeout: 20_000 }).toBe(granted ? 'GRANTED' : 'WITHDRAWN')
    expect(await shop.db.collection('consent_ledger').distinct('receipt')).toEqual(expect.arrayContaining(receipts))
  }
})
