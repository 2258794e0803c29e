import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { auditLog } from '../../src/audit/log.ts'
import { consentDoor } from '../../src/consent/door.ts'
import { ledgerHash } from '../../src/consent/ledger.ts'
import type { Caller } from '../../src/operation.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { ledgerStore } from '../../src/storage/consent-ledger.ts'
import { customerStore, type CustomerRow } from '../../src/storage/customers.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { caller, classification, customer, demoPolicy, now } from './fixture.ts'

let db: Connection
let customers: ReturnType<typeof customerStore>
let ledger: ReturnType<typeof ledgerStore>
let audits: ReturnType<typeof auditStore>
let door: ReturnType<typeof consentDoor>
const policy = demoPolicy
const clients = [
  { id: 'storefront', purposes: policy.maskOf(['order_processing', 'personalised_shop', 'fraud_prevention']) },
  { id: 'marketing', purposes: policy.maskOf(['email_marketing']) },
  { id: 'ads', purposes: policy.maskOf(['personalised_ads']) },
]

beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/consent-${randomBytes(4).toString('hex')}$1`))
  ;[customers, ledger, audits] = [customerStore(db), ledgerStore(db), auditStore(db)]
  await prepareCollections(db)
  door = consentDoor({
    policy,
    classification,
    clients: () => clients,
    transaction: (about, work) => inTransaction(db, about, work),
    customers,
    ledger,
    audit: auditLog(audits),
    decisionsUrl: 'http://localhost/account#decisions',
    signReceipt: async (claims) => JSON.stringify(claims),
    subjectOf: ({ sector }) => `somebody at ${sector}`,
    now: () => now,
  })
})

afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

async function newCustomer(change: Partial<CustomerRow> = {}): Promise<string> {
  const _id = randomBytes(16).toString('base64url')
  await inTransaction(db, _id, (tx) => customers.insert(tx, customer({ ...change, _id })))
  return _id
}

const asPerson = (key: string, change: Partial<Caller> = {}) =>
  caller(policy, ['data_subject_access'], { clientId: 'account', sector: 'account', customer: key, grant: 'grant', ...change })
const inShop = (key: string) => caller(policy, ['order_processing', 'personalised_shop'], { clientId: 'storefront', sector: 'storefront', customer: key })
const yes = (purpose: string) => ({ purpose, granted: true, textVersion: '2026-01' })
const no = (purpose: string) => ({ purpose, granted: false })
const decide = async (who: Caller | null, decisions: Parameters<typeof door.decide>[1]['decisions'], idempotencyKey: string | null = null) => {
  const receipt = await door.decide(who, { decisions, idempotencyKey, wanted: 'de-AT, en;q=0.5' })
  return { ...receipt, jwt: await receipt.jwt(), jsonld: receipt.jsonld() }
}
const stored = async (key: string) => (await customers.read(key)) ?? customer()

describe('a decision', () => {
  test('comes with a receipt in two forms that say the same', async () => {
    const { id, jwt, jsonld } = await decide(asPerson(await newCustomer()), [yes('email_marketing'), no('personalised_ads')])
    const [claims, linked] = [JSON.parse(jwt), JSON.parse(jsonld)]
    expect(linked).toMatchObject({ '@type': 'dpv:ConsentRecord', 'dct:identifier': id, 'dpv:hasDataController': { 'dpv:hasName': policy.controller.name } })
    const told = linked['dpv:hasProcess'].map((one: Record<string, Record<string, string>>) => [
      one['dpv:hasPurpose']?.['dct:identifier'],
      one['dpv:hasConsentStatus']?.['@id'],
      one['dpv:hasNotice']?.['dct:identifier'],
      one['dpv:hasLegalBasis']?.['@id'],
    ])
    const signed = claims.purposes.map((one: { purpose: string; consent_status: string; privacy_notice: { sha256: string } }) => [
      one.purpose,
      `dpv:${one.consent_status}`,
      `sha256:${one.privacy_notice.sha256}`,
      'eu-gdpr:A6-1-a',
    ])
    expect(told).toEqual(signed)
    expect(claims.purposes[0]).toMatchObject({ storage_locations: ['DE'], jurisdiction: 'DE', retention_period: 'P2Y' })
    expect(linked['dpv:hasProcess'][0]).toMatchObject({
      'dpv:hasJurisdiction': 'DE',
      'dpv:hasStorageCondition': [{ 'dpv:hasDuration': 'P2Y' }, { '@type': 'dpv:StorageLocation', 'dpv:hasLocation': ['DE'] }],
    })
    expect(linked['dpv:hasDataSubject']['@id']).toBe(`urn:entente:customer:${claims.sub}`)
  })

  test('is in force in the profile, in the ledger and in the audit log, together', async () => {
    const key = await newCustomer()
    const receipt = await decide(asPerson(key), [yes('email_marketing'), no('personalised_ads')])
    const row = await stored(key)
    const [entry] = await ledger.read(key)
    expect(row.decisions).toEqual({
      email_marketing: { state: 'granted', textVersion: '2026-01', at: now, expiresAt: new Date('2028-06-01T12:00:00Z') },
      personalised_ads: { state: 'refused', textVersion: '2026-01', at: now },
    })
    expect([row.grants, row.objections, row.consentVersion]).toEqual([['email_marketing@2026-01'], ['personalised_ads'], 1])
    expect(entry).toMatchObject({ _id: `${key}/0000000001`, receipt: receipt.id, surface: 'account', prev: '' })
    expect(entry?.decisions[0]).toMatchObject({ state: 'granted', locale: 'de', textHash: policy.purpose('email_marketing')?.texts.get('de')?.hash })
    expect(row.ledger).toEqual({ seq: 1, hash: entry && ledgerHash(entry) })
    expect(await audits.chain(key)).toMatchObject([{ type: 'consent.changed', purposes: ['email_marketing', 'personalised_ads'] }])
    expect(receipt.opened).toContainEqual({ clientId: 'marketing', field: 'Customer.birthYear', form: 'BAND' })
    expect(receipt.opened.filter(({ clientId }) => clientId !== 'marketing')).toEqual([])
    expect([receipt.closed, receipt.consents.find(({ purpose }) => purpose === 'email_marketing')?.state]).toEqual([[], 'GRANTED'])
    expect(receipt.jwt).not.toContain(key)
  })

  test('taken back closes what it had opened, and is a withdrawal', async () => {
    const key = await newCustomer()
    await decide(asPerson(key), [yes('personalised_ads')])
    const receipt = await decide(asPerson(key), [no('personalised_ads')])
    expect((await stored(key)).decisions).toMatchObject({ personalised_ads: { state: 'withdrawn' } })
    expect(receipt.closed).toEqual([
      { clientId: 'ads', field: 'Customer.email', form: 'HASH' },
      { clientId: 'ads', field: 'Customer.birthYear', form: 'BAND' },
      { clientId: 'ads', field: 'Customer.postcode', form: 'REGION' },
    ])
  })

  test('against a legitimate interest is an objection; lifting it leaves nothing that could pass for consent', async () => {
    const key = await newCustomer()
    await decide(asPerson(key), [no('fraud_prevention')])
    expect(await stored(key)).toMatchObject({ decisions: { fraud_prevention: { state: 'objected' } }, objections: ['fraud_prevention'] })
    await decide(asPerson(key), [yes('fraud_prevention')])
    expect(await stored(key)).toMatchObject({ decisions: {}, objections: [], grants: [], consentVersion: 2 })
  })

  test('E7: touches nothing else of the profile', async () => {
    const key = await newCustomer({ email: 'ada@example.test', decisions: { personalised_shop: { state: 'withdrawn', textVersion: '2026-01', at: now } } })
    await decide(asPerson(key), [yes('email_marketing')])
    expect(await stored(key)).toMatchObject({ email: 'ada@example.test', decisions: { personalised_shop: { state: 'withdrawn' } } })
  })
})

describe('what is refused changes nothing', () => {
  test.each([
    ['no decision', [], 'BAD_USER_INPUT'],
    ['an unknown purpose', [yes('email_marketing'), yes('world_domination')], 'BAD_USER_INPUT'],
    ['a purpose twice', [yes('email_marketing'), no('email_marketing')], 'BAD_USER_INPUT'],
    ['a contract', [no('order_processing')], 'BAD_USER_INPUT'],
    ['a built-in purpose', [no('consent_record')], 'BAD_USER_INPUT'],
    ['an old text', [no('personalised_ads'), { ...yes('email_marketing'), textVersion: '2025-01' }], 'CONSENT_TEXT_OUTDATED'],
    ['a yes to no text', [{ purpose: 'email_marketing', granted: true }], 'CONSENT_TEXT_OUTDATED'],
    ['too many', Array.from({ length: 51 }, (_, i) => no(`p${i}`)), 'BAD_USER_INPUT'],
  ])('%s', async (_, decisions, code) => {
    const key = await newCustomer()
    await expect(decide(asPerson(key), decisions)).rejects.toMatchObject({ code })
    expect(await stored(key)).toMatchObject({ decisions: {}, consentVersion: 0, ledger: { seq: 0 } })
    expect([await ledger.read(key), await audits.chain(key)]).toEqual([[], []])
  })

  test('nobody, a tool, an ended token, an erased customer', async () => {
    const key = await newCustomer({ tokensValidFrom: now, endedGrants: [{ grant: 'ended', until: now }] })
    const erased = await newCustomer({ state: 'erased' })
    await expect(decide(null, [no('email_marketing')])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(decide(caller(policy, ['email_marketing']), [no('email_marketing')])).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(decide(asPerson(key, { issuedAt: now.getTime() - 1 }), [no('email_marketing')])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(decide(asPerson(key, { grant: 'ended' }), [no('email_marketing')])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(decide(asPerson(erased), [no('email_marketing')])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('a repeated call', () => {
  test('with the same key is the same call, also when both come at once', async () => {
    const key = await newCustomer()
    const both = await Promise.all([decide(asPerson(key), [yes('email_marketing')], 'once'), decide(asPerson(key), [yes('email_marketing')], 'once')])
    const later = await decide(asPerson(key), [yes('email_marketing')], 'once')
    expect(new Set([...both, later].map((receipt) => JSON.stringify(receipt))).size).toBe(1)
    expect(await ledger.read(key)).toHaveLength(1)
  })

  test('after other decisions still tells what it did then', async () => {
    const key = await newCustomer()
    const first = await decide(asPerson(key), [yes('email_marketing')], 'k')
    await decide(asPerson(key), [no('email_marketing')])
    expect(await decide(asPerson(key), [yes('email_marketing')], 'k')).toEqual(first)
    expect((await stored(key)).decisions).toMatchObject({ email_marketing: { state: 'withdrawn' } })
  })

  test('with other content is refused; another client’s key is another key', async () => {
    const key = await newCustomer()
    await decide(asPerson(key), [yes('email_marketing')], 'k')
    await expect(decide(asPerson(key), [no('email_marketing')], 'k')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expect(decide(asPerson(key), [no('email_marketing')], 'k'.repeat(101))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await decide(inShop(key), [no('email_marketing')], 'k')
    expect(await ledger.read(key)).toHaveLength(2)
  })
})

test('I9: of decisions at once, the last in the ledger is in force, and the chain holds', async () => {
  const key = await newCustomer()
  await Promise.all(Array.from({ length: 8 }, (_, i) => decide(asPerson(key), [i % 2 ? yes('email_marketing') : no('email_marketing')])))
  const entries = await ledger.read(key)
  const row = await stored(key)
  expect(entries).toHaveLength(8)
  expect(row.decisions['email_marketing']?.state).toBe(entries.at(-1)?.decisions[0]?.state)
  entries.forEach((entry, i) => expect([entry.prev, entry.hash]).toEqual([entries[i - 1]?.hash ?? '', ledgerHash(entry)]))
})

test('C2, A19: a shop that passes on a decision for somebody else learns nothing of what was decided before', async () => {
  const decision = (state: 'granted' | 'refused' | 'withdrawn' | 'objected') => ({ email_marketing: { state, textVersion: '2026-01', at: now } })
  for (const answer of [yes('email_marketing'), no('email_marketing')]) {
    const told: unknown[] = []
    for (const decisions of [{}, decision('granted'), decision('withdrawn'), decision('refused'), decision('objected')]) {
      const { id, jwt, jsonld, ...receipt } = await decide(inShop(await newCustomer({ decisions })), [answer])
      told.push({ ...receipt, jwt: { ...JSON.parse(jwt), jti: '' }, jsonld: jsonld.replaceAll(id, '') })
    }
    for (const one of told) expect(one).toEqual(told[0])
  }
})
