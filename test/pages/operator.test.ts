import { readFile } from 'node:fs/promises'
import { assert, array, constantFrom, property, uniqueArray } from 'fast-check'
import { buildSchema, parse, validate } from 'graphql'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { GraphqlAnswer } from '../../src/pages/parts.ts'
import { clientChangeIn } from '../../src/pages/operator-client-form.ts'
import { operatorQueries } from '../../src/pages/operator-data.ts'
import { periodOf } from '../../src/pages/operator-periods.ts'
import { operatorWords } from '../../src/pages/operator-words.ts'
import { examine, openChromium, press } from './chromium.ts'
import { openStage } from './stage.ts'

const stage = await openStage()
const chromium = await openChromium()
afterAll(async () => {
  await chromium.close()
  await stage[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(stage.behind, { answers: [], operations: [] }))

const day = '2026-11-02T08:30:00.000Z'
const hostile = '<img src=x onerror="document.title=1">'
const roles = { myRoles: ['audit:read', 'clients:write', 'privacy:handle', 'segments:read'] }
const letters = {
  id: 'letters',
  name: hostile,
  purposes: ['email_marketing'],
  scopes: ['segments:read'],
  redirectUris: ['https://letters.example/callback'],
  postLogoutRedirectUris: [],
  origins: [],
  changeable: true,
}
const change = { id: 'c1', clientId: 'letters', adds: [`name: ${hostile}`], removes: [], proposedBy: ['cem'], expiresAt: day, approvable: true }
const overview = {
  alerts: { edges: [{ node: { id: 'a1', rule: 'enumeration', subject: 'client:ads', times: 120, firstAt: day, lastAt: day } }] },
  registeredClients: [letters, { ...letters, id: 'ads', name: 'Advertising tool', changeable: false, purposes: [], scopes: [] }],
  clientChanges: [change, { ...change, id: 'c2', approvable: false, removes: ['purposes: email_marketing'] }],
  privacyRequests: [{ id: 'r1', kind: 'ERASURE', customerId: 'p1', reason: hostile, dueAt: day, overdue: true }],
}
const events = {
  edges: [
    { node: { at: day, type: 'data.read', clientId: 'ads', actor: 'CLIENT', subjects: ['p1'], purposes: ['personalised_ads'], categories: ['user.name'] } },
  ],
  pageInfo: { hasNextPage: true, endCursor: 'next' },
}
const anna = {
  id: 'p1',
  since: day,
  email: 'anna@people.example',
  givenName: hostile,
  familyName: null,
  locale: 'de',
  restricted: false,
  providers: ['google'],
}

/** For each time that a page is loaded: who it is, and what the page asks for then. */
const answering = (...data: object[]): GraphqlAnswer[] => Array.from({ length: 4 }, () => [roles, ...data]).flatMap((all) => all.map((one) => ({ data: one })))

interface Reader {
  readonly language: 'de' | 'en'
  readonly scheme: 'light' | 'dark'
  readonly width: number
}

async function signedIn({ language, scheme, width }: Reader): Promise<Page> {
  const page = await (await chromium.createBrowserContext()).newPage()
  await page.setViewport({ width, height: 740 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.setExtraHTTPHeaders({ 'accept-language': language })
  await page.setJavaScriptEnabled(false)
  await page.goto(`${stage.url}/operator`)
  const asked = new URL(page.url()).searchParams
  expect([asked.get('client_id'), asked.get('acr_values')]).toEqual(['operators', 'urn:entente:acr:2'])
  stage.behind.answers = answering(overview)
  await page.goto(`${stage.url}/operator/callback?code=good&state=${asked.get('state')}`)
  return page
}

async function going(reader: Reader, path: string, ...data: object[]): Promise<Page> {
  const page = await signedIn(reader)
  stage.behind.answers = answering(...data)
  await page.goto(stage.url + path)
  return page
}

async function trying(reader: Reader, answer: GraphqlAnswer): Promise<Page> {
  const page = await signedIn(reader)
  stage.behind.answers = [{ data: roles }, answer]
  await press(page, 'form[action="/operator/rule"] button', '/operator/rule')
  return page
}

const pages: Readonly<Record<string, (reader: Reader) => Promise<Page>>> = {
  overview: signedIn,
  'client to be changed': (reader) => going(reader, '/operator/clients/change?id=letters', { registeredClients: overview.registeredClients }),
  log: (reader) => going(reader, '/operator/log?type=data.read', { auditEvents: events }),
  funnel: (reader) => going(reader, '/operator/funnel?from=2026-11-01&to=2026-11-02'),
  'person found': async (reader) => {
    const page = await signedIn(reader)
    await page.type('#email', 'anna@people.example')
    await page.type('#reason', 'ticket 4711, by telephone')
    stage.behind.answers = answering({ lookUpCustomer: anna })
    await press(page, 'form[action="/operator/look-up"] button', '/operator/look-up')
    return page
  },
  'rule that was tried': (reader) => trying(reader, { data: { trySegmentRule: { people: 120, among: 2000, complete: false } } }),
  'rule that is none': (reader) => trying(reader, { errors: [{ extensions: { code: 'BAD_USER_INPUT', reasons: [hostile, 'is no rule'] } }] }),
  'no operator': async (reader) => {
    const page = await signedIn(reader)
    stage.behind.answers = Array.from({ length: 4 }, () => ({ data: { myRoles: [] } }))
    await page.goto(`${stage.url}/operator`)
    return page
  },
  'no second factor': (reader) => going(reader, '/operator/callback?error=unmet_authentication_requirements&state=s'),
}

describe('axe finds nothing serious, nothing is wider than a phone, and what others wrote stays text', () => {
  const readers: readonly Reader[] = [
    { language: 'en', scheme: 'light', width: 360 },
    { language: 'de', scheme: 'dark', width: 1100 },
  ]
  const cases = Object.keys(pages).flatMap((name) => readers.map((reader) => [name, reader] as const))
  test.for(cases)('on %s for %o', async ([name, reader]) => {
    const page = (await pages[name]?.(reader)) ?? expect.unreachable(name)
    expect(await page.$('img')).toBeNull()
    const { serious, kept } = await examine(page)
    expect(serious).toEqual([])
    expect(kept).toBeGreaterThan(10)
    expect(await page.$eval('html', (root) => root.scrollWidth > root.clientWidth)).toBe(false)
    await page.browserContext().close()
  })
})

test('sections follow the roles; who has none is asked nothing and shown nothing', async () => {
  const page = await signedIn({ language: 'en', scheme: 'light', width: 360 })
  const sections = () => page.$$eval('section', (all) => all.map(({ id }) => id))
  expect(await sections()).toEqual(['alerts', 'clients', 'requests', 'look-up', 'log', 'report', 'rule', 'funnel'])
  for (const [role, shown] of [
    ['privacy:handle', ['requests', 'look-up']],
    ['clients:write', ['clients']],
    ['segments:read', ['rule']],
  ] as const) {
    stage.behind.answers = [{ data: { myRoles: [role] } }, { data: {} }]
    await page.goto(`${stage.url}/operator`)
    expect(await sections()).toEqual(shown)
  }
  Object.assign(stage.behind, { answers: [{ data: { myRoles: [] } }], operations: [] })
  await page.goto(`${stage.url}/operator`)
  expect(await sections()).toEqual([])
  expect(stage.behind.operations.map(({ query }) => query)).toEqual([operatorQueries.roles])
  await page.browserContext().close()
})

test('a rule that was tried stands in its form again, with what came of it', async () => {
  const reader = { language: 'en', scheme: 'light', width: 360 } as const
  const tried = await trying(reader, { data: { trySegmentRule: { people: null, among: 40, complete: true } } })
  expect(await tried.$eval('[role=status]', (note) => note.textContent)).toContain('Fewer than 10')
  expect(await tried.$eval('#rule', (field) => field.textContent)).toContain('ordersLastYear')
  const refused = await trying(reader, { errors: [{ extensions: { code: 'BAD_USER_INPUT', reasons: ['no event named Sale'] } }] })
  expect(await refused.$eval('[role=alert]', (note) => note.textContent)).toContain('no event named Sale')
  for (const page of [tried, refused]) await page.browserContext().close()
})

test('a token that has ended leads to a sign-in, and what is refused is told', async () => {
  const page = await signedIn({ language: 'en', scheme: 'light', width: 360 })
  const refused = (code: string) => ({ errors: [{ extensions: { code } }] })
  await page.type('#note-a1', 'seen')
  stage.behind.answers = [{ data: roles }, refused('BAD_USER_INPUT'), ...answering(overview)]
  await press(page, 'form[action="/operator/alerts/acknowledge"] button', '/operator')
  expect(await page.$eval('[role=alert]', (note) => note.textContent)).toContain('BAD_USER_INPUT')
  stage.behind.answers = [refused('UNAUTHENTICATED')]
  await page.goto(`${stage.url}/operator`)
  expect(new URL(page.url()).pathname).toBe('/oidc/auth')
  await page.browserContext().close()
})

describe('the form of a client', () => {
  const was = { 'was:name': 'Letters', 'was:purposes': 'a b', 'was:origins': 'https://a.example https://b.example' }

  test('says what was changed and nothing else', () => {
    const same = { ...was, name: ' Letters ', origins: 'https://b.example\r\nhttps://a.example\r\n', 'purpose:a': 'yes', 'purpose:b': 'yes' }
    expect(clientChangeIn(same)).toEqual({})
    expect(clientChangeIn({ ...same, name: 'Other', origins: '' })).toEqual({ name: 'Other', origins: [] })
    expect(clientChangeIn({ ...was, 'purpose:b': 'yes' })).toEqual({ purposes: ['b'] })
  })

  test('whatever is ticked is proposed whole, unless it is what was', () =>
    assert(
      property(uniqueArray(constantFrom('a', 'b', 'c')), array(constantFrom('a', 'b', 'c')), (before, ticked) => {
        const form = { 'was:purposes': before.join(' '), ...Object.fromEntries(ticked.map((id) => [`purpose:${id}`, 'yes'])) }
        const now = new Set(ticked)
        expect(new Set(clientChangeIn(form)['purposes'] ?? before)).toEqual(now)
      }),
    ))
})

test('a period has its last day in it', () => {
  expect(periodOf({ from: '2026-11-01', to: '2026-11-30' })).toEqual({ from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z' })
  expect(periodOf({ from: '', to: '' })).toEqual({ from: null, to: null })
})

test('both languages say something everywhere', () => {
  const leaves = (value: unknown): unknown[] => (typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value])
  for (const words of Object.values(operatorWords)) expect(leaves(words)).not.toContain('')
})

test('the page asks our own API for what it has', async () => {
  const schema = buildSchema(await readFile(new URL('../../schema/entente.graphql', import.meta.url), 'utf8'), { assumeValidSDL: true })
  for (const operation of Object.values(operatorQueries)) expect(validate(schema, parse(operation))).toEqual([])
})
