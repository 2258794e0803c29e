import fc from 'fast-check'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { raisedBy, type Watched } from '../../src/audit/alert-rules.ts'
import type { AlertRuleName } from '../../src/config/alerts.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { demoPolicy } from '../support/house.ts'
import { startShop, type Shop } from '../support/shop.ts'

const { alerts: policy } = demoPolicy
const noon = Date.parse('2026-11-23T12:00:00Z')
const minute = 60_000
const day = 24 * 60 * minute

let made = 0
function happened(minutesAgo: number, event: Pick<AuditEvent, 'type'> & Partial<AuditEvent>): Watched {
  const { type, client = null, subjects = [], categories = [], detail = {} } = event
  return {
    _id: `gateway-0/${++made}`,
    at: new Date(noon - minutesAgo * minute),
    type,
    client,
    subjects: [...subjects],
    categories: [...categories],
    detail: { ...detail },
  }
}

const unanswered = () => 0
const names = (events: readonly Watched[], now = noon): string[] => raisedBy(events, policy, now, unanswered).map(({ rule, subject }) => `${rule} ${subject}`)
const often = (times: number, one: (n: number) => Watched): Watched[] => Array.from({ length: times }, (_, n) => one(n))

const denied = (minutesAgo: number, times: number) =>
  happened(minutesAgo, { type: 'access.denied', client: 'ads', categories: ['user.name'], detail: { times } })
const refused = (minutesAgo: number, customer: string) => happened(minutesAgo, { type: 'factor.refused', subjects: [customer], detail: { factor: 'totp' } })

describe('each rule raises its alert, and none before', () => {
  const cases: Readonly<Record<AlertRuleName, { readonly enough: Watched[]; readonly subject: string; readonly tooFew: Watched[] }>> = {
    deniedOften: { enough: [denied(700, 1), denied(5, 200), denied(1, 100)], subject: 'client:ads', tooFew: [denied(700, 1), denied(5, 200), denied(1, 99)] },
    deniedSuddenly: { enough: [denied(5, 30), denied(1, 20)], subject: 'client:ads', tooFew: [denied(700, 1), denied(5, 30), denied(1, 20)] },
    enumeration: {
      enough: [
        happened(3, { type: 'customer.not_found', client: 'ads', detail: { times: 60 } }),
        happened(1, { type: 'customer.not_found', client: 'ads', detail: { times: 40 } }),
      ],
      subject: 'client:ads',
      tooFew: [
        happened(30, { type: 'customer.not_found', client: 'ads', detail: { times: 60 } }),
        happened(1, { type: 'customer.not_found', client: 'ads', detail: { times: 40 } }),
      ],
    },
    guesses: { enough: often(8, (n) => refused(n, 'anna')), subject: 'customer:anna', tooFew: often(8, (n) => refused(n, n % 2 ? 'anna' : 'ben')) },
    guessesEverywhere: { enough: often(60, (n) => refused(5, `c${n}`)), subject: 'house', tooFew: often(59, (n) => refused(5, `c${n}`)) },
    tokenReuse: { enough: [happened(1, { type: 'token.reused', client: 'storefront' })], subject: 'client:storefront', tooFew: [] },
    forgedNotices: {
      enough: often(10, (n) => happened(n, { type: 'provider.event_refused', detail: { provider: 'google', check: 'signature' } })),
      subject: 'provider:google',
      tooFew: often(10, (n) => happened(n, { type: 'provider.event_refused', detail: { provider: n % 2 ? 'google' : 'apple', check: 'signature' } })),
    },
    chainBroken: {
      enough: [happened(1, { type: 'chain.broken', subjects: ['anna'], detail: { kind: 'ledger', record: 3 } })],
      subject: 'chain:ledger/anna',
      tooFew: [],
    },
    jobParked: { enough: [happened(700, { type: 'job.parked', detail: { kind: 'mail', attempts: 1 } })], subject: 'queue:mail', tooFew: [] },
    rulesRefused: { enough: [happened(700, { type: 'rules.refused', detail: { digest: 'd' } })], subject: 'house', tooFew: [] },
    requestsOverdue: { enough: [happened(700, { type: 'requests.overdue', detail: { erasures: 1, requests: 0 } })], subject: 'house', tooFew: [] },
    suppressionsOverdue: { enough: [happened(700, { type: 'suppressions.overdue', client: 'ads' })], subject: 'client:ads', tooFew: [] },
  }
  test.each(Object.entries(cases))('%s', (rule, { enough, subject, tooFew }) => {
    expect(names(enough)).toContain(`${rule} ${subject}`)
    expect(names(tooFew).filter((name) => name.startsWith(`${rule} `))).toEqual([])
  })
})

test('what an operator has answered raises no other alert; what happens after it does', () => {
  const reuse = (minutesAgo: number) => happened(minutesAgo, { type: 'token.reused', client: 'storefront' })
  const answered = () => noon - 5 * minute
  expect(raisedBy([reuse(6)], policy, noon, answered)).toEqual([])
  expect(raisedBy([reuse(6), reuse(4)], policy, noon, answered)).toMatchObject([{ rule: 'tokenReuse', times: 1 }])
})

test('a day of ordinary traffic raises none', () => {
  /** What happens in a shop of some ten thousand sign-ins a day: mistyped codes, a page that asks too much, ids of customers who have gone. */
  const moment = fc.integer({ min: 0, max: 24 * 60 - 1 })
  const traffic = fc.record({
    mistyped: fc.array(fc.record({ at: moment, customer: fc.nat(5_000), tries: fc.integer({ min: 1, max: 3 }) }), { minLength: 100, maxLength: 400 }),
    askedTooMuch: fc.array(fc.record({ at: moment, times: fc.integer({ min: 1, max: 2 }) }), { minLength: 50, maxLength: 200 }),
    gone: fc.array(fc.record({ at: moment, times: fc.integer({ min: 1, max: 3 }) }), { maxLength: 300 }),
    stale: fc.array(moment, { maxLength: 12 }),
  })
  fc.assert(
    // Without bias: a generator that likes extremes would put the whole day into one minute, which is no ordinary day.
    fc.property(fc.noBias(traffic), ({ mistyped, askedTooMuch, gone, stale }) => {
      const events = [
        // One customer mistypes on one occasion of a day.
        ...[...new Map(mistyped.map((one) => [one.customer, one])).values()].flatMap(({ at, customer, tries }) =>
          often(tries, () => refused(at, `c${customer}`)),
        ),
        ...askedTooMuch.map(({ at, times }) => denied(at, times)),
        ...gone.map(({ at, times }) => happened(at, { type: 'customer.not_found', client: 'marketing', detail: { times } })),
        ...stale.map((at, n) => happened(at, { type: 'provider.event_refused', detail: { provider: n % 2 ? 'google' : 'apple', check: 'iat' } })),
      ]
      for (let ago = 0; ago < day; ago += 5 * minute) {
        const now = noon - ago
        expect(
          names(
            events.filter(({ at }) => at.getTime() <= now),
            now,
          ),
        ).toEqual([])
      }
    }),
    { numRuns: 8, endOnFailure: true },
  )
})

/** The demonstration's policy, with somebody who is told. */
async function withAlertMail(): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'entente-policy-')), 'policy.yaml')
  await writeFile(file, `${await readFile('demo/policy.yaml', 'utf8')}\nalerts: { mail: ops@shop.example }\n`)
  return file
}

describe('a house', () => {
  const stack = new AsyncDisposableStack()
  let shop: Shop
  beforeAll(async () => {
    shop = stack.use(await startShop({ env: { POLICY_FILE: await withAlertMail() } }))
  })
  afterAll(() => stack.disposeAsync())

  const list = '{ alerts(open: true) { edges { node { id rule subject times open } } } }'

  test('tells of a client that goes through ids: once, by mail, in codes; answering it is audited', async () => {
    const ads = await shop.tool('ads')
    const ids = Array.from({ length: 240 }, (_, n) => Buffer.alloc(16, n).toString('base64url'))
    for (let at = 0; at < ids.length; at += 20)
      await shop.graphql(
        `{ ${ids
          .slice(at, at + 20)
          .map((id, n) => `c${n}: customer(id: "${id}") { email }`)
          .join(' ')} }`,
        {},
        ads,
      )
    const mail = await shop.mailFor('ops@shop.example', /enumeration/)
    expect(mail.text).toContain('client:ads')
    for (const id of ids) expect(mail.text).not.toContain(id)

    const operator = await shop.tool('operator', 'audit:read')
    const { edges } = (await shop.graphql(list, {}, operator)).data.alerts
    expect(edges.map(({ node: { rule, subject } }: { node: { rule: string; subject: string } }) => [rule, subject])).toEqual([['enumeration', 'client:ads']])
    expect((await shop.graphql(list, {}, ads)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')

    const answer = 'mutation ($id: ID!) { acknowledgeAlert(id: $id, note: "their new colleague") { open note acknowledgedBy } }'
    const answered = await shop.graphql(answer, { id: edges[0].node.id }, operator)
    expect(answered.data.acknowledgeAlert).toEqual({ open: false, note: 'their new colleague', acknowledgedBy: 'operator' })
    expect((await shop.graphql(list, {}, operator)).data.alerts.edges).toEqual([])
    const log = await shop.graphql(
      '{ auditEvents(filter: { types: ["alert.raised", "alert.acknowledged"] }) { edges { node { type clientId } } } }',
      {},
      operator,
    )
    expect(log.data.auditEvents.edges.map(({ node }: { node: object }) => node)).toEqual([
      { type: 'alert.acknowledged', clientId: 'operator' },
      { type: 'alert.raised', clientId: null },
    ])
  }, 60_000)

  test('tells of a record that was changed behind its back', async () => {
    const { accessToken } = await shop.signIn('google', { as: 'anna', consent: { personalised_shop: true } })
    expect(accessToken).not.toBe('')
    // The first checkpoint of the house comes before; the next one looks at what has moved since.
    await expect.poll(() => shop.db.collection('ledger_checkpoints').countDocuments(), { timeout: 10_000 }).toBe(1)
    const entry = await shop.db.collection<{ _id: string; surface: string }>('consent_ledger').findOne({})
    await shop.db.collection<{ _id: string }>('consent_ledger').updateOne({ _id: entry?._id ?? '' }, { $set: { surface: 'another' } })
    await shop.db.collection('ledger_checkpoints').updateMany({}, { $set: { at: new Date(0) } })
    const mail = await shop.mailFor('ops@shop.example', /chainBroken/)
    expect(mail.text).not.toContain(entry?._id.split('/')[0])
    const operator = await shop.tool('operator', 'audit:read')
    const { edges } = (await shop.graphql(list, {}, operator)).data.alerts
    expect(edges.map(({ node }: { node: { rule: string; subject: string } }) => [node.rule, node.subject])).toEqual([['chainBroken', 'chain']])
  }, 60_000)

  test('tells of what nobody can do in a queue, by that very queue: the rest goes on', async () => {
    const jobs = shop.db.collection<{ _id: string; kind: string; sealed: string; dueAt: Date; attempts: number }>('jobs')
    // Before all others in the line, and sealed by nobody.
    await jobs.insertOne({ _id: 'mail:poison', kind: 'mail', sealed: 'poison for anna@shop.example', dueAt: new Date(0), attempts: 0 })
    const mail = await shop.mailFor('ops@shop.example', /jobParked/)
    expect(mail.text).toContain('queue:mail')
    expect(mail.text).not.toMatch(/poison|anna/)
    const parked = await jobs.findOne({ _id: 'mail:poison' })
    expect(parked).toMatchObject({ attempts: 1, parkedAt: expect.any(Date) })
    expect(parked?.dueAt).toBeUndefined()
    const operator = await shop.tool('operator', 'audit:read')
    const { edges } = (await shop.graphql(list, {}, operator)).data.alerts
    expect(edges.map(({ node }: { node: object }) => node)).toContainEqual(expect.objectContaining({ rule: 'jobParked', subject: 'queue:mail', times: 1 }))
  }, 60_000)
})
