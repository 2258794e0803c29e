import { afterAll, beforeAll, expect, test } from 'vitest'
import { pick } from '../support/browser.ts'
import { code, merge, merging, undo } from '../support/merging.ts'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'

// Merges at the same instant as something else, on two gateways that share nothing but MongoDB and Redis.
let shop: Shop
let person: ReturnType<typeof merging>
beforeAll(async () => {
  shop = await startShop({ gateways: 2 })
  person = merging(shop)
}, 60_000)
afterAll(() => shop[Symbol.asyncDispose]())

const at = (n: number): string => shop.urls[n % shop.urls.length] ?? ''
const rounds = (from: number, many: number) => Array.from({ length: many }, (_, n) => [`person-${from + 2 * n}`, `person-${from + 2 * n + 1}`] as const)
const turns = () => shop.db.collection('consent_ledger').countDocuments({ 'turn.what': { $exists: true } })
const unlink = 'mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }'

test('B32 the same proof twenty times at once is one merge, one entry in each ledger', async () => {
  const { accessToken, proof } = await person.pair('person-1', 'person-2')
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => shop.graphql(merge, { proof }, accessToken, at(n))))
  expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1)
  for (const lost of answers.filter(({ errors }) => errors !== undefined)) expect(['BAD_USER_INPUT', 'UNAUTHENTICATED']).toContain(code(lost))
  expect(await shop.db.collection('merges').countDocuments()).toBe(1)
  expect(await turns()).toBe(2)
  await person.expectAgreement()

  const now = await person.account('google', 'person-1')
  const { id } = (await shop.graphql('{ me { merges { id } } }', {}, now.accessToken)).data.me.merges[0]
  const undone = await Promise.all(Array.from({ length: 10 }, (_, n) => shop.graphql(undo, { id }, now.accessToken, at(n))))
  expect(undone.filter(({ errors }) => errors === undefined)).toHaveLength(1)
  expect(await turns()).toBe(4)
  await person.expectAgreement()
})

test('B32 A into B and B into A at once: one of them, never a circle', async () => {
  for (const [mine, theirs] of rounds(11, 5)) {
    const one = await person.pair(mine, theirs)
    const other = await person.shown(theirs, mine, 'facebook', 'google')
    const answers = await Promise.all([one, other].map(({ accessToken, proof }, n) => shop.graphql(merge, { proof }, accessToken, at(n))))
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1)
  }
  await person.expectAgreement()
})

test('a no at the instant of the merge is not lost: it is refused, or it holds', async () => {
  for (const [mine, theirs] of rounds(31, 6)) {
    const first = await person.account('google', mine)
    await person.yes(first.accessToken, 'personalised_shop')
    const second = await person.account('facebook', theirs)
    await person.yes(second.accessToken, 'personalised_shop')
    const { accessToken, proof } = await person.shown(mine, theirs)
    const [done, said] = await Promise.all([shop.graphql(merge, { proof }, accessToken, at(0)), person.sayNo(second.accessToken, 'personalised_shop', at(1))])
    expect(done.errors).toBeUndefined()
    expect([undefined, 'UNAUTHENTICATED']).toContain(code(said))
    const now = await person.account('google', mine)
    const { personalised_shop: inForce } = await person.consentsOf(now.accessToken)
    expect(inForce).toBe(said.errors === undefined ? 'WITHDRAWN' : 'GRANTED')
  }
  await person.expectAgreement()
})

test('B22 B32 a login is removed, or added, at the instant of the merge: every login has one customer, every customer a way in', async () => {
  for (const [mine, theirs] of rounds(51, 4)) {
    const other = await person.account('facebook', theirs)
    const link = async (provider: string) => {
      const started = await shop.graphql(`mutation { startLinking(provider: "${provider}", redirectUri: "${redirectUri}") { url } }`, {}, other.accessToken)
      return other.browser.open(started.data.startLinking.url)
    }
    await pick(other.browser, await link('haus'), theirs)
    const adding = await link('apple')
    const { id } = (await shop.graphql('{ me { identities { id } } }', {}, other.accessToken)).data.me.identities[0]
    const { accessToken, proof } = await person.shown(mine, theirs)
    await Promise.all([
      shop.graphql(merge, { proof }, accessToken, at(0)),
      shop.graphql(unlink, { id }, other.accessToken, at(1)),
      pick(other.browser, adding, theirs),
    ])
    await person.expectAgreement()
  }
})
