import { afterAll, beforeAll, expect, test } from 'vitest'
import { take } from '../support/audiences.ts'
import { behaviourOf } from '../support/behaviour.ts'
import { houseForKilling, killAtEveryCommand, type Round } from '../support/kill-sweep.ts'
import type { Processes } from '../support/processes.ts'

let house: Processes
beforeAll(async () => {
  house = await houseForKilling()
}, 120_000)
afterAll(() => house[Symbol.asyncDispose]())

const audience = 'winter_sport@email_marketing'

/** Somebody who was handed out withdraws, and the process dies: either nothing was withdrawn, or they are called back. */
function withdrawal(n: number): Round {
  const people = behaviourOf(house)
  let person: Awaited<ReturnType<typeof people.person>>
  let cursor: string
  const asked = { purpose: 'email_marketing', fields: '' }
  const since = async () => take(house.url, await house.tool('marketing'), 'winter_sport', { ...asked, since: cursor })
  const isWithdrawn = () => house.db.collection<{ _id: string }>('customers').findOne({ _id: person.customer, 'decisions.email_marketing.state': 'withdrawn' })
  const change = () => house.db.collection('audience_changes').findOne({ audience, customer: person.customer })
  return {
    prepare: async () => {
      person = await people.person(`person-${n}`, { email_marketing: true })
      await people.record(
        person.accessToken,
        Array.from({ length: 4 }, () => people.viewed({ category: 'Winter sports' })),
      )
      ;({ cursor } = await take(house.url, await house.tool('marketing'), 'winter_sport', asked))
    },
    attempt: () => people.say(person.account, { email_marketing: false }),
    again: async () => {
      expect((await change())?.['gone']).toBe((await isWithdrawn()) === null ? undefined : 'withdrawn')
      await people.say(person.account, { email_marketing: false })
      expect((await since()).suppressed.map(({ suppressed }) => suppressed)).toContain('withdrawn')
    },
  }
}

test('killed at any write of a withdrawal: whoever has withdrawn is called back', async () => {
  expect(await killAtEveryCommand(house, 'writes', withdrawal)).toBeGreaterThan(4)
}, 600_000)
