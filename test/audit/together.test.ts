import { expect, test } from 'vitest'
import type { AuditEvent } from '../../src/audit/event.ts'
import { auditLog, firstBroken } from '../../src/audit/log.ts'
import type { AuditRow } from '../../src/storage/audit-log.ts'

const read = (subjects: readonly string[], change: Partial<AuditEvent> = {}): AuditEvent => ({
  type: 'data.read',
  client: 'marketing',
  actor: 'client',
  subjects,
  purposes: ['email_marketing'],
  categories: ['user.name'],
  ...change,
})

/** Noted while an earlier event is being written, so that all of them are written at once. */
async function writtenAtOnce(events: readonly AuditEvent[]): Promise<AuditRow[]> {
  const rows: AuditRow[] = []
  const log = auditLog({
    append: () => Promise.resolve(),
    async appendMany(batch) {
      await new Promise(setImmediate)
      rows.push(...batch)
    },
  })
  await Promise.all([log.note(read(['first'], { type: 'login.denied' })), ...events.map((event) => log.note(event))])
  expect(firstBroken(rows)).toBeNull()
  return rows.slice(1)
}

test('reads of one client for the same and of the same are one row, as those of a list are', async () => {
  const rows = await writtenAtOnce([read(['a']), read(['b', 'c']), read(['d'])])
  expect(rows).toMatchObject([{ type: 'data.read', subjects: ['a', 'b', 'c', 'd'], cover: ['a', 'b', 'c', 'd'], purposes: ['email_marketing'] }])
})

test('whoever differs in anything has a row of their own, and no read is lost in another', async () => {
  const others = [
    read(['e'], { client: 'ads' }),
    read(['f'], { purposes: ['personalised_ads'] }),
    read(['g'], { categories: ['user.contact.email'] }),
    read(['h'], { type: 'customer.looked_up' }),
    read(['i'], { detail: { segment: 'regulars' } }),
    read(['a']),
  ]
  const rows = await writtenAtOnce([read(['a']), read(['b']), ...others])
  expect(rows.map(({ subjects }) => subjects)).toEqual([['a', 'b'], ['e'], ['f'], ['g'], ['h'], ['i'], ['a']])
})

test('a row names no more people than are found by their own keys', async () => {
  const people = Array.from({ length: 40 }, (_, n) => `person-${n}`)
  const rows = await writtenAtOnce(people.map((one) => read([one])))
  expect(rows.map(({ subjects }) => subjects.length)).toEqual([16, 16, 8])
  expect(rows.flatMap(({ cover }) => cover)).toEqual(people)
})
