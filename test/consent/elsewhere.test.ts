import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { auditLog } from '../../src/audit/log.ts'
import { readPolicy } from '../../src/config/policy.ts'
import { comeAlong } from '../../src/consent/before-login.ts'
import { hearGpc } from '../../src/consent/gpc.ts'
import { ledgerHash } from '../../src/consent/ledger.ts'
import type { RecordParts } from '../../src/consent/record.ts'
import { setDecisions } from '../../src/consent/set-decisions.ts'
import { leaveOpen, undecided } from '../../src/consent/undecided.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { ledgerStore } from '../../src/storage/consent-ledger.ts'
import { customerStore, type DecisionState } from '../../src/storage/customers.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { caller, classification, customer, now as noon, policyText } from './fixture.ts'

const policy = readPolicy(policyText.replace('    clients: [marketing]\n', '    clients: [marketing]\n    askAgainAfter: P6M\n'), 'policy.yaml')
const hour = 3_600_000
let db: Connection
let now = noon
let customers: ReturnType<typeof customerStore>
let parts: RecordParts & { customers: ReturnType<typeof customerStore> }
let ledger: ReturnType<typeof ledgerStore>

beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/elsewhere-${randomBytes(4).toString('hex')}$1`))
  ;[customers, ledger] = [customerStore(db), ledgerStore(db)]
  const transaction: RecordParts['transaction'] = (about, work) => inTransaction(db, about, work)
  parts = { policy, classification, clients: () => [], transaction, customers, ledger, audit: auditLog(auditStore(db)), now: () => now }
  await prepareCollections(db)
})
beforeEach(() => {
  now = noon
})
afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

async function somebody(decisions: Record<string, { state: DecisionState; textVersion: string; at: Date }> = {}): Promise<string> {
  const _id = randomBytes(16).toString('base64url')
  await inTransaction(db, _id, (tx) => customers.insert(tx, customer({ _id, decisions })))
  return _id
}
const asPerson = (key: string) => caller(policy, ['data_subject_access'], { customer: key, issuedAt: noon.getTime() + 24 * hour })
const ads = (() => {
  const purpose = policy.purpose('personalised_ads')
  if (purpose === undefined) throw new Error('no such purpose')
  return purpose
})()
const bring = (key: string, granted: boolean, at: Date) =>
  comeAlong(parts)(asPerson(key), key, {
    choices: [{ purpose: ads, granted, textVersion: '2026-01' }],
    at,
    evidence: { by: 'before login', at: at.toISOString() },
  })
const decide = (key: string, granted: boolean) =>
  setDecisions({ ...parts, signReceipt: async () => '', decisionsUrl: 'http://localhost/account#decisions', subjectOf: () => '' })(asPerson(key), {
    decisions: [{ purpose: 'personalised_ads', granted, textVersion: '2026-01' }],
    idempotencyKey: null,
    locale: 'en',
  })
const state = async (key: string) => (await customers.read(key))?.decisions['personalised_ads']?.state
const at = (hours: number) => new Date(noon.getTime() + hours * hour)

const before = [undefined, 'granted', 'refused', 'withdrawn', 'objected', 'pending'] as const

test.each(before.flatMap((was) => [true, false].map((granted) => [was, granted] as const)))(
  'I8: over %s, a %s from elsewhere never makes more of a no, and a later no is heard',
  async (was, granted) => {
    const key = await somebody(was === undefined ? {} : { personalised_ads: { state: was, textVersion: '2026-01', at: at(-2) } })
    await bring(key, granted, at(-1))
    const after = granted ? (was ?? 'granted') : was === 'granted' ? 'withdrawn' : was === undefined || was === 'pending' ? 'refused' : was
    expect(await state(key)).toBe(after)
  },
)

test('I6: a yes from elsewhere is none by somebody who is too young for it', async () => {
  const choices = [{ purpose: { ...ads, minimumAge: 16 }, granted: true, textVersion: '2026-01' }]
  const said = { choices, at: at(-1), evidence: { by: 'TCF' } } as const
  const [young, old] = [await somebody(), await somebody()]
  await db.collection<{ _id: string }>('customers').updateOne({ _id: old }, { $set: { birthYear: 1987 } })
  for (const key of [young, old]) await comeAlong(parts)(asPerson(key), key, said)
  expect([await state(young), await state(old)]).toEqual([undefined, 'granted'])
})

test('what comes from the future is refused, what comes a second time or from before a decision changes nothing', async () => {
  const key = await somebody()
  await expect(bring(key, true, at(1))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  expect(await bring(key, true, at(-1))).not.toBeNull()
  expect(await bring(key, true, at(-1))).toBeNull()
  await decide(key, false)
  for (const granted of [true, false]) expect(await bring(key, granted, at(-1))).toBeNull()
  expect([await state(key), (await ledger.read(key)).length]).toEqual(['withdrawn', 2])
  await decide(key, true)
  for (const granted of [true, false]) expect(await bring(key, granted, at(-1))).toBeNull()
  expect(await state(key)).toBe('granted')
})

test('I9: the order is the ledger’s, wherever the clock jumps', async () => {
  const key = await somebody()
  for (const [granted, hours] of [
    [true, 5],
    [false, -5],
    [true, 1],
    [false, -3],
  ] as const) {
    now = at(hours)
    await decide(key, granted)
    expect(await state(key)).toBe(granted ? 'granted' : 'withdrawn')
  }
  const entries = await ledger.read(key)
  entries.forEach((entry, i) => expect([entry.prev, entry.hash]).toEqual([entries[i - 1]?.hash ?? '', ledgerHash(entry)]))
})

test(
  'hundreds of decisions of one person at once: each is in the chain or was refused, and the last of the chain is in force',
  { timeout: 30_000 },
  async () => {
    const key = await somebody()
    const done = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => decide(key, i % 2 === 0)))
    const entries = await ledger.read(key)
    // One that was told too late that it failed may be in it all the same.
    expect(entries.length).toBeGreaterThanOrEqual(done.filter(({ status }) => status === 'fulfilled').length)
    expect(entries.length).toBeGreaterThan(0)
    entries.forEach((entry, i) => expect(entry.prev).toBe(entries[i - 1]?.hash ?? ''))
    expect(await state(key)).toBe(entries.at(-1)?.decisions[0]?.state)
    expect((await customers.read(key))?.consentVersion).toBe(entries.length)
  },
)

test('I7: many requests with the signal at once object once', async () => {
  const key = await somebody({ personalised_ads: { state: 'granted', textVersion: '2026-01', at: at(-2) } })
  await Promise.all(Array.from({ length: 8 }, () => hearGpc(parts)(asPerson(key))))
  expect([await state(key), (await ledger.read(key)).map(({ evidence }) => evidence?.by)]).toEqual(['objected', ['Sec-GPC']])
})

test('the evidence is part of the hash', async () => {
  const key = await somebody()
  await hearGpc(parts)(asPerson(key))
  const [entry] = await ledger.read(key)
  if (entry === undefined) throw new Error('no entry')
  const { evidence: _, ...without } = entry
  expect([ledgerHash(entry), ledgerHash({ ...entry, evidence: { by: 'TCF' } }) === entry.hash, ledgerHash(without) === entry.hash]).toEqual([
    entry.hash,
    false,
    false,
  ])
})

test('nobody is asked again within the pause that the policy sets; a withdrawal is never asked about', async () => {
  const old = new Date(Date.now() - 200 * 24 * hour)
  const recent = new Date(Date.now() - 100 * 24 * hour)
  const asked = undecided(customers, policy)
  const of = async (state: DecisionState, moment: Date) =>
    asked(await somebody({ email_marketing: { state, textVersion: '2026-01', at: moment } }), ['email_marketing'])
  expect([await of('refused', recent), await of('refused', old), await of('withdrawn', old)]).toEqual([[], ['email_marketing'], []])
  now = recent
  const key = await somebody()
  await leaveOpen(parts)(key, ['email_marketing', 'personalised_ads'])
  expect(await asked(key, ['email_marketing', 'personalised_ads'])).toEqual(['personalised_ads'])
  now = old
  await leaveOpen(parts)(key, ['email_marketing'])
  expect(await asked(key, ['email_marketing'])).toEqual(['email_marketing'])
})
