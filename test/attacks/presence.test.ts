import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readPolicy } from '../../src/config/policy.ts'
import { openHouse } from '../support/house.ts'

// A policy of which one purpose is told whether there is a name, and nothing more.
const text = readFileSync(new URL('../../demo/policy.yaml', import.meta.url), 'utf8')
const policy = readPolicy(text.replace('{ category: user.contact.email, form: HASH }', '{ category: user.name, form: PRESENCE }'), 'policy.yaml')

let house: Awaited<ReturnType<typeof openHouse>>
let anna: string
beforeAll(async () => {
  house = await openHouse(policy)
  anna = await house.addCustomer({ givenName: 'Anna', email: 'anna@canary.example', granted: ['personalised_ads'] })
})
afterAll(() => house[Symbol.asyncDispose]())

const put = (values: Record<string, unknown>, unset: Record<string, ''> = {}) =>
  house.db.collection('customers').updateOne({ _id: anna as never }, { $set: values, ...(Object.keys(unset).length > 0 && { $unset: unset }) })

/** All that a caller can ask about the names, after each of these states of them. */
async function told(token: string, states: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const all = 'email givenName familyName pictureUrl birthYear postcode country locale traits { clothingSize }'
  const asked = [
    `{ customers { totalCount edges { node { ${all} } } } }`,
    ...['{ eq: "Lark" }', '{ startsWith: "L" }', '{ eq: "present" }', '{ startsWith: "p" }', '{ in: ["Lark", "Mark"] }'].flatMap((condition) => [
      `{ customers(filter: { familyName: ${condition} }) { totalCount edges { node { id } } } }`,
      `{ customers(filter: { not: { familyName: ${condition} } }) { totalCount edges { node { id } } } }`,
    ]),
  ]
  const found = []
  for (const state of states) {
    await state()
    const answers = []
    for (const query of asked) answers.push((await house.ask(query, { token })).text)
    found.push(answers.join('\n'))
  }
  return found
}
const lark = () => put({ familyName: 'Lark' })
const mark = () => put({ familyName: 'Mark' })
const none = () => put({}, { familyName: '' })

test('A18 that there is a value is told where the policy says so, and which one is not, by selection or by filter', async () => {
  const token = house.tokenFor('storefront', ['fraud_prevention'])
  const [there, other, absent] = await told(token, [lark, mark, none])
  expect(there).toBe(other)
  expect(there).not.toBe(absent)
  expect(there).toContain('"familyName":"present"')
  expect(absent).toContain('"familyName":null')
  expect(`${there}${absent}`).not.toMatch(/Lark|Mark|Anna/)
  expect(there).toContain('"form":"PRESENCE"')
  // Another category is not told apart by it.
  const pictures = await told(token, [() => put({ pictureUrl: 'https://pictures.example/a' }), () => put({}, { pictureUrl: '' })])
  expect(pictures[0]).toBe(pictures[1])
})

test('A18 to all others a value and none are one', async () => {
  for (const token of [house.tokenFor('ads', ['personalised_ads']), house.tokenFor('storefront', ['personalised_shop']), house.tokenFor('operator', [])]) {
    const [there, , absent] = await told(token, [lark, mark, none])
    expect(there).toBe(absent)
  }
})
