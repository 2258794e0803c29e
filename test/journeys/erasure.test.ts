import { createRemoteJWKSet, jwtVerify } from 'jose'
import { Redis } from 'ioredis'
import type { Db } from 'mongodb'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { newCanary, scannerOf } from '../support/canaries.ts'
import { linksOf, pick } from '../support/browser.ts'
import { memoryLog } from '../support/callback.ts'
import { contradictions } from '../support/consistency.ts'
import { cancel, dumpOf, erase, plantCanaries, policyWith, receiptOf } from '../support/erasing.ts'
import { code, merge, merging } from '../support/merging.ts'
import { startShop, type Shop } from '../support/shop.ts'

// A person goes, and nothing that anybody knew of them is left; what is left is a proof of it.
const { log, lines } = memoryLog()
let shop: Shop
let redis: Redis
let person: ReturnType<typeof merging>
beforeAll(async () => {
  shop = await startShop({ gateways: 2, other: { log } })
  redis = new Redis(shop.env.REDIS_URL)
  person = merging(shop)
}, 60_000)
afterAll(async () => {
  redis.disconnect()
  await shop[Symbol.asyncDispose]()
})

type Row = { _id: string } & Record<string, unknown>
const rows = (name: string, db: Db = shop.db) => db.collection<Row>(name)
const rowOf = async (email: string) => {
  const row = await rows('customers').findOne({ email })
  if (row === null) throw new Error(`nobody has ${email}`)
  return row
}
const eraseNow = async (token: string) => {
  const done = await shop.graphql(erase, { confirm: true }, token)
  expect(done.errors).toBeUndefined()
  return done.data.eraseMe as { id: string; completedAt: string; certificate: string; kept: unknown[] }
}

test('B41 nothing is erased by accident: not without a yes, by GET, for a shop, or without the second factor', async () => {
  const shopping = await shop.signIn('google', { as: 'person-1' })
  const { accessToken } = await person.account('google', 'person-1')
  expect(code(await shop.graphql(erase, { confirm: false }, accessToken))).toBe('BAD_USER_INPUT')
  expect(code(await shop.graphql(erase, { confirm: true }, shopping.accessToken))).toBe('FORBIDDEN')
  expect(code(await shop.graphql(erase, { confirm: true }, await shop.tool('operator', 'privacy:handle')))).toBe('FORBIDDEN')
  const byGet = await fetch(`${shop.url}/graphql?${new URLSearchParams({ query: 'mutation { eraseMe(confirm: true) { id } }' })}`, {
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
  })
  expect(byGet.status).toBeGreaterThanOrEqual(400)
  const factors = [{ id: 'a', kind: 'totp', key: 'totp:a', addedAt: new Date() }]
  await shop.db.collection('customers').updateOne({ email: 'person-1@people.example' }, { $set: { factors } })
  expect(code(await shop.graphql(erase, { confirm: true }, accessToken))).toBe('STEP_UP_REQUIRED')
  expect((await rowOf('person-1@people.example'))['state']).toBe('active')
  expect(await shop.db.collection('erasures').countDocuments()).toBe(0)
})

test('B38 B40 B42 who is erased is nowhere: no store, no log line, no token; the same login is somebody new', async () => {
  const shopping = await shop.signIn('google', { as: 'person-2', scope: 'openid offline_access purpose:order_processing purpose:personalised_shop' })
  const bystander = await person.account('google', 'person-3')
  const mine = await person.account('google', 'person-2')
  await person.yes(mine.accessToken, 'personalised_shop', 'email_marketing')
  const { _id: customer } = await rowOf('person-2@people.example')
  const { _id: other } = await rowOf('person-3@people.example')
  const before = (await shop.graphql('{ me { id } }', {}, shopping.accessToken)).data.me.id
  const identities = await shop.db.collection('identities').find({ customer }).toArray()
  const key = newCanary()
  await shop.graphql(
    'mutation ($key: String) { setConsents(idempotencyKey: $key, decisions: [{ purpose: "personalised_ads", granted: false }]) { id } }',
    { key },
    mine.accessToken,
  )
  const canaries = [...(await plantCanaries(shop.db, customer, 'erased')), { person: 'erased', field: 'idempotency key', value: key }]
  const theirs = await plantCanaries(shop.db, other, 'bystander')
  const scan = scannerOf(canaries)
  const names = new Set(canaries.map(({ field }) => field))
  const seen = scan(await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX))
  for (const field of names) if (field !== 'idempotency key') expect(seen).toContain(`erased ${field} raw`)

  const receipt = await eraseNow(mine.accessToken)
  expect(receipt.completedAt).not.toBeNull()
  const dump = await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX)
  expect(scan(dump)).toEqual([])
  expect(dump).not.toContain('person-2')
  for (const { _id } of identities) expect(dump).not.toContain(String(_id))
  expect(scan(lines.join('\n'))).toEqual([])
  expect(scan(receipt.certificate)).toEqual([])
  const still = scannerOf(theirs)(dump)
  for (const { field } of theirs) expect(still).toContain(`bystander ${field} raw`)

  for (const [token, at] of [mine, shopping].flatMap(({ accessToken }) => shop.urls.map((url) => [accessToken, url] as const)))
    expect(code(await shop.graphql('{ me { id } }', {}, token, at))).toBe('UNAUTHENTICATED')
  const refresh = 'mutation ($input: RefreshTokensInput!) { refreshTokens(input: $input) { accessToken } }'
  expect(code(await shop.graphql(refresh, { input: { clientId: 'storefront', refreshToken: shopping.refreshToken } }))).toBe('UNAUTHENTICATED')

  const again = await shop.signIn('google', { as: 'person-2' })
  expect((await shop.graphql('{ me { id } }', {}, again.accessToken)).data.me.id).not.toBe(before)
  const consents = await person.consentsOf((await person.account('google', 'person-2')).accessToken)
  expect(new Set(['personalised_shop', 'email_marketing', 'personalised_ads'].map((id) => consents[id]))).toEqual(new Set(['NOT_ASKED']))
  expect((await shop.graphql('{ me { id } }', {}, bystander.accessToken)).data.me.id).toBeTruthy()
})

test('B40 what comes late finds nobody: a consent, a profile, a webhook, a second try', async () => {
  const { accessToken } = await person.account('google', 'person-4')
  const { _id: customer } = await rowOf('person-4@people.example')
  await eraseNow(accessToken)
  const late = [
    shop.graphql('mutation { updateProfile(input: { givenName: "late" }) { id } }', {}, accessToken),
    person.sayNo(accessToken, 'email_marketing'),
    shop.graphql(erase, { confirm: true }, accessToken),
    shop.graphql(cancel, {}, accessToken),
  ]
  for (const answer of await Promise.all(late)) expect(code(answer)).toBe('UNAUTHENTICATED')
  await shop.providers.google.notify(shop.url, shop.providers.google.notice('person-4', { type: 'risc/event-type/sessions-revoked' }))
  const row = await rows('customers').findOne({ _id: customer })
  expect(row).toMatchObject({ state: 'erased', identities: [], decisions: {} })
  for (const name of ['identities', 'emails', 'credentials', 'openid']) expect(await shop.db.collection(name).countDocuments({ customer })).toBe(0)
})

test('the certificate can be checked by anybody with the published keys, and names where the chains ended', async () => {
  const { accessToken } = await person.account('google', 'person-5')
  const { _id: customer } = await rowOf('person-5@people.example')
  const { id, certificate } = await eraseNow(accessToken)
  const { payload, protectedHeader } = await jwtVerify(certificate, createRemoteJWKSet(new URL(`${shop.url}/oidc/jwks`)), { issuer: `${shop.url}/oidc` })
  expect(protectedHeader.typ).toBe('erasure-certificate+jwt')
  expect(payload).toMatchObject({ jti: id, asked_by: 'customer', kept: [] })
  expect(payload['removed']).toContainEqual({ store: 'identities', records: 1 })
  const row = await rows('customers').findOne({ _id: customer })
  expect(payload['chains']).toEqual([{ ledger: row?.['ledger'], audit: row?.['audit'] }])
  expect((await shop.graphql(receiptOf, { id })).data.erasureReceipt).toMatchObject({ id, certificate })
  expect((await shop.graphql(receiptOf, { id: 'unknown' })).data.erasureReceipt).toBeNull()
})

test('who was merged into the person goes with them', async () => {
  const { accessToken, proof } = await person.pair('person-6', 'person-7')
  expect((await shop.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
  const now = await person.account('google', 'person-6')
  await eraseNow(now.accessToken)
  const dump = await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX)
  for (const name of ['person-6@', 'person-7@']) expect(dump).not.toContain(name)
  expect(await shop.db.collection('customers').countDocuments({ state: 'merged' })).toBe(0)
  expect(await contradictions(shop.db)).toEqual(expect.not.arrayContaining([expect.stringMatching(/erased|turned|broken|chain|ledger/)]))
})

test('B32 a merge and an erasure at the same instant: one of them is whole, the other has not been', async () => {
  for (const n of [0, 1, 2]) {
    const { accessToken, proof, other } = await person.pair(`person-${20 + 2 * n}`, `person-${21 + 2 * n}`)
    const [merging_, erasing] = await Promise.all([
      shop.graphql(merge, { proof }, accessToken),
      shop.graphql(erase, { confirm: true }, other.accessToken, shop.urls[1]),
    ])
    expect([merging_, erasing].filter(({ errors }) => errors === undefined)).toHaveLength(1)
    if (erasing.errors === undefined) expect(erasing.data.eraseMe.certificate).toMatch(/^ey/)
    const left = await rows('customers').countDocuments({ state: { $ne: 'erased' }, email: `person-${21 + 2 * n}@people.example` })
    expect(left).toBe(0)
  }
  expect((await contradictions(shop.db)).filter((said) => !/address belongs|way in|identities are/.test(said))).toEqual([])
})

test('an operator takes a request down with its deadline, and closing it as done erases; nobody else sees it', async () => {
  const { accessToken } = await shop.signIn('google', { as: 'person-8' })
  const { _id: customer, givenName } = await rowOf('person-8@people.example')
  const operator = await shop.tool('operator', 'privacy:handle audit:read')
  const filter = { types: ['customer.created'] }
  const events = await shop.graphql(
    'query ($filter: AuditEventFilter) { auditEvents(filter: $filter, first: 200) { edges { node { subjects at } } } }',
    { filter },
    operator,
  )
  const customerId = events.data.auditEvents.edges[0].node.subjects[0]
  const open = 'mutation ($input: OpenPrivacyRequestInput!) { openPrivacyRequest(input: $input) { id customerId dueAt openedAt overdue } }'
  const input = { kind: 'ERASURE', customerId, reason: 'by letter; passport seen' }
  for (const token of [accessToken, await shop.tool('operator', 'audit:read'), await shop.tool('marketing')]) {
    expect(code(await shop.graphql(open, { input }, token))).toBe('FORBIDDEN')
    expect(code(await shop.graphql('{ privacyRequests { id } }', {}, token))).toBe('FORBIDDEN')
  }
  expect(code(await shop.graphql(open, { input: { ...input, reason: ' ' } }, operator))).toBe('BAD_USER_INPUT')
  expect(code(await shop.graphql(open, { input: { ...input, customerId: 'AAAAAAAAAAAAAAAAAAAAAA' } }, operator))).toBe('BAD_USER_INPUT')
  const { id, dueAt, openedAt } = (await shop.graphql(open, { input }, operator)).data.openPrivacyRequest
  expect(new Date(dueAt).getTime() - new Date(openedAt).getTime()).toBeGreaterThan(27 * 86_400_000)
  await rows('privacy_requests').updateOne({ _id: id }, { $set: { dueAt: new Date(0) } })
  const listed = await shop.graphql('{ privacyRequests { id overdue reason } }', {}, operator)
  expect(listed.data.privacyRequests[0]).toEqual({ id, overdue: true, reason: 'by letter; passport seen' })

  const close =
    'mutation ($id: ID!, $outcome: PrivacyRequestOutcome!, $answer: String, $confirm: Boolean) { closePrivacyRequest(id: $id, outcome: $outcome, answer: $answer, confirm: $confirm) { outcome reason } }'
  expect(code(await shop.graphql(close, { id, outcome: 'REFUSED' }, operator))).toBe('BAD_USER_INPUT')
  const done = { id, outcome: 'DONE', confirm: true, answer: 'letter 88, passport compared' }
  for (const less of [{ confirm: false }, { confirm: null }, { answer: null }, { answer: 'because' }, { answer: `asked by ${givenName}` }])
    expect(code(await shop.graphql(close, { ...done, ...less }, operator))).toBe('BAD_USER_INPUT')
  expect(await rows('customers').findOne({ _id: customer })).toMatchObject({ state: 'active' })
  expect((await shop.graphql(close, done, operator)).errors).toBeUndefined()
  expect(code(await shop.graphql(close, done, operator))).toBe('BAD_USER_INPUT')
  expect(await shop.db.collection('audit_log').countDocuments({ type: 'request.closed', 'detail.reason': done.answer })).toBe(1)
  expect(code(await shop.graphql('{ me { id } }', {}, accessToken))).toBe('UNAUTHENTICATED')
  expect(await rows('customers').findOne({ _id: customer })).toMatchObject({ state: 'erased' })
  expect(JSON.stringify(await shop.db.collection('privacy_requests').find({ customer }).toArray())).not.toContain('passport')
})

test('with time to think again: told by mail, taken back, asked for once more, and carried out on its day; what a duty keeps is named and sealed', async () => {
  const POLICY_FILE = await policyWith(
    (text) => `${text.replace('retention: P10Y', 'retention: P10Y\n    keptAfterErasure: P10Y')}\nerasure: { grace: P14D }\n`,
  )
  await using calm = await startShop({ env: { POLICY_FILE } })
  const mine = await calm.signIn('google', { as: 'person-9', client: 'account' })
  const address = 'person-9@people.example'
  const waiting = async () => (await calm.graphql('{ me { erasure { id dueAt } } }', {}, mine.accessToken)).data.me.erasure
  const first = (await calm.graphql(erase, { confirm: true }, mine.accessToken)).data.eraseMe
  expect(first).toMatchObject({ completedAt: null, certificate: null })
  expect((await calm.graphql(erase, { confirm: true }, mine.accessToken)).data.eraseMe.id).toBe(first.id)
  expect((await waiting()).id).toBe(first.id)
  await calm.mailFor(address, /will be erased on/)
  expect((await calm.graphql(cancel, {}, mine.accessToken)).errors).toBeUndefined()
  expect(await waiting()).toBeNull()
  expect(code(await calm.graphql(cancel, {}, mine.accessToken))).toBe('BAD_USER_INPUT')
  await calm.mailFor(address, /taken back/)

  const { id } = (await calm.graphql(erase, { confirm: true }, mine.accessToken)).data.eraseMe
  for (const name of ['erasures', 'jobs']) await calm.db.collection(name).updateMany({ dueAt: { $exists: true } }, { $set: { dueAt: new Date(0) } })
  const row = await vi.waitFor(
    async () => {
      const found = await rows('erasures', calm.db).findOne({ _id: id, state: 'done' })
      if (found === null) throw new Error('not yet')
      return found
    },
    { timeout: 10_000, interval: 50 },
  )
  expect(await rows('erasures', calm.db).findOne({ _id: first.id })).toMatchObject({ state: 'cancelled' })
  expect(code(await calm.graphql('{ me { id } }', {}, mine.accessToken))).toBe('UNAUTHENTICATED')
  expect(row['kept']).toMatchObject([{ purpose: 'order_processing', categories: expect.arrayContaining(['user.contact.email', 'user.name']) }])
  const kept = await calm.db.collection('held_data').find({}).toArray()
  expect(kept).toHaveLength(1)
  expect(JSON.stringify(kept)).not.toMatch(/person|example/)

  // Who has to answer to the tax office sees it, with a reason that stands in what is left of the person's chain before anything is shown.
  const [log, handler] = [await calm.tool('operator', 'audit:read'), await calm.tool('operator', 'privacy:handle')]
  const events = 'query ($type: String!) { auditEvents(filter: { types: [$type] }) { edges { node { subjects purposes categories } } } }'
  const [{ node: erased }] = (await calm.graphql(events, { type: 'customer.erased' }, log)).data.auditEvents.edges
  const held = 'mutation ($input: HeldLookUpInput!) { lookUpHeldData(input: $input) { field value } }'
  const input = { customerId: erased.subjects[0], purpose: 'order_processing', reason: 'tax audit of 2026, file 17' }
  expect((await calm.graphql(held, { input }, handler)).data.lookUpHeldData).toContainEqual({ field: 'email', value: address })
  expect((await calm.graphql(events, { type: 'customer.looked_up' }, log)).data.auditEvents.edges).toMatchObject([
    { node: { subjects: erased.subjects, purposes: ['order_processing'], categories: expect.arrayContaining(['user.contact.email']) } },
  ])
  expect((await calm.graphql(held, { input: { ...input, purpose: 'email_marketing' } }, handler)).data.lookUpHeldData).toBeNull()
  expect(code(await calm.graphql(held, { input: { ...input, reason: 'person-9 asked' } }, handler))).toBe('BAD_USER_INPUT')
  expect(code(await calm.graphql(held, { input: { ...input, reason: 'because' } }, handler))).toBe('BAD_USER_INPUT')
  expect(code(await calm.graphql(held, { input }, log))).toBe('FORBIDDEN')
  await calm.db.collection('held_data').updateMany({}, { $set: { until: new Date(0) } })
  expect((await calm.graphql(held, { input }, handler)).data.lookUpHeldData).toBeNull()
})

test('in the account centre: what it does is said first, it can be left, one press does it, and the proof is shown', async () => {
  const browser = shop.newBrowser()
  const way = linksOf(await browser.open(`${shop.url}/account`)).find((href) => new URL(href).searchParams.get('provider') === 'google') ?? ''
  const account = await pick(browser, await browser.open(way), 'person-10')
  expect(account.text).toContain('Delete your account')
  const told = await browser.open(linksOf(account).find((href) => href.endsWith('/account/erase')) ?? '')
  expect(told.text).toContain('cannot be taken back')
  expect(linksOf(told)).toContain(`${shop.url}/account#erasure`)
  expect(await rowOf('person-10@people.example')).toMatchObject({ state: 'active' })
  const done = await browser.submit(told, {}, (form) => form.action.endsWith('/account/erase'))
  expect(done.text).toContain('You are deleted')
  const certificate = /ey[\w-]+\.[\w-]+\.[\w-]+/.exec(done.text)?.[0] ?? ''
  expect((await jwtVerify(certificate, createRemoteJWKSet(new URL(`${shop.url}/oidc/jwks`)))).payload['asked_by']).toBe('customer')
  expect(await rows('customers').findOne({ email: 'person-10@people.example' })).toBeNull()
  expect(new URL((await browser.open(`${shop.url}/account`)).url).pathname).not.toBe('/account')
})
