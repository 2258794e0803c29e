import { afterAll, beforeAll, expect, test } from 'vitest'
import { audienceUrl, take } from '../support/audiences.ts'
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

/** Somebody becomes a member by what they do, and the process dies: sent again, they are one, and receivers are told so. */
function joining(n: number): Round {
  const people = behaviourOf(house)
  const events = Array.from({ length: 4 }, () => people.viewed({ category: 'Winter sports' }))
  let person: Awaited<ReturnType<typeof people.person>>
  const rows = house.db.collection<{ _id: string; memberships?: string[] }>('customers')
  const isMember = async () => (await rows.findOne({ _id: person.customer }))?.memberships?.includes(audience) === true
  const isTold = async () =>
    (await house.db.collection('audience_changes').countDocuments({ audience, customer: person.customer, gone: { $exists: false } })) === 1
  return {
    prepare: async () => {
      person = await people.person(`person-${500 + n}`, { email_marketing: true })
    },
    attempt: async () => void (await people.record(person.accessToken, events)),
    again: async () => {
      expect(await isTold()).toBe(await isMember())
      await people.record(person.accessToken, events)
      expect([await isMember(), await isTold()]).toEqual([true, true])
    },
  }
}

test('killed at any write of what makes somebody a member: they are one and receivers know, or neither', async () => {
  expect(await killAtEveryCommand(house, 'writes', joining)).toBeGreaterThan(2)
}, 600_000)

/** An audience is handed out, and the process dies: whoever was handed out is in the log, and the receiver owes their calling back. */
function handingOut(n: number): Round {
  const people = behaviourOf(house)
  let person: Awaited<ReturnType<typeof people.person>>
  let received = ''
  const asked = { purpose: 'email_marketing', fields: 'email' }
  const address = `person-${800 + n}@people.example`
  return {
    prepare: async () => {
      person = await people.person(`person-${800 + n}`, { email_marketing: true })
      await people.record(
        person.accessToken,
        Array.from({ length: 4 }, () => people.viewed({ category: 'Winter sports' })),
      )
      await house.db.collection('audience_receivers').deleteMany({})
      await house.tool('marketing')
    },
    attempt: async () => {
      const token = await house.tool('marketing')
      const response = await fetch(audienceUrl(house.url, 'winter_sport', asked), { headers: { authorization: `Bearer ${token}` } })
      for await (const part of response.body ?? []) received += Buffer.from(part).toString()
    },
    again: async () => {
      const isNoted = (await house.db.collection('audit_log').countDocuments({ type: 'data.read', subjects: person.customer })) > 0
      const owes = (await house.db.collection('audience_receivers').countDocuments()) > 0
      if (received.includes(address)) expect([isNoted, owes]).toEqual([true, true])
      const anew = await take(house.url, await house.tool('marketing'), 'winter_sport', asked)
      expect(anew.people.map(({ email }) => email)).toContain(address)
    },
  }
}

test('killed at any write of a handing out: nobody is handed out whom nobody would call back', async () => {
  expect(await killAtEveryCommand(house, 'writes', handingOut)).toBeGreaterThan(1)
}, 600_000)
