import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { passkeyScriptPath } from '../../src/pages/passkey-script.ts'
import { openStage, question } from './stage.ts'

const stage = await openStage()
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => Object.assign(stage.behind, { waiting: question(), down: [], fails: null, answers: [], decided: [], operations: [], started: [] }))

interface Visit {
  readonly cookie: string
  readonly token: string
  readonly text: string
  readonly response: Response
}

const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((line) => line.slice(0, line.indexOf(';')))
    .join('; ')

async function visit(path: string, headers: Record<string, string> = {}): Promise<Visit> {
  const response = await fetch(stage.url + path, { redirect: 'manual', headers })
  const text = await response.text()
  return { response, text, cookie: cookiesOf(response), token: /name="token" value="([^"]+)"/.exec(text)?.[1] ?? '' }
}

function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(stage.url + path, { method: 'POST', redirect: 'manual', headers: { origin: stage.url, ...headers }, body: new URLSearchParams(fields) })
}

async function signedIn(): Promise<string> {
  const start = await visit('/account')
  const state = new URL(start.response.headers.get('location') ?? '', stage.url).searchParams.get('state')
  const callback = await visit(`/account/callback?code=good&state=${state}`, { cookie: start.cookie })
  return callback.cookie
}

describe('C46: a form is taken only from our own page in the same browser', () => {
  const fields = { uid: 'waiting-1', provider: 'google' }
  const paths = [
    '/login/back',
    '/consent',
    '/account/profile',
    '/account/decision',
    '/account/logins/add',
    '/account/logins/remove',
    '/account/passkeys/new',
    '/account/passkeys/add',
    '/account/authenticator/new',
    '/account/authenticator/confirm',
    '/account/recovery-codes/new',
    '/account/factors/remove',
    '/account/devices/forget',
    '/account/sessions/end',
    '/account/sign-out',
  ]

  test.for(paths)('%s', async (path) => {
    const account = await signedIn()
    const own = await visit('/login?uid=waiting-1')
    const other = await visit('/login?uid=waiting-1')
    const cookie = `${own.cookie}; ${account}`
    const refused = await Promise.all([
      post(path, fields, { cookie }),
      post(path, { ...fields, token: other.token }, { cookie }),
      post(path, { ...fields, token: own.token }, { cookie: account }),
      post(path, { ...fields, token: own.token }, { cookie, origin: 'null' }),
      post(path, { ...fields, token: own.token }, { cookie, origin: 'https://evil.example' }),
      post(path, { ...fields, token: own.token }, { cookie, 'sec-fetch-site': 'cross-site' }),
      post(path, { ...fields, token: own.token }, { cookie, 'sec-fetch-site': 'same-site' }),
      fetch(stage.url + path, { method: 'POST', headers: { cookie }, body: new URLSearchParams({ ...fields, token: other.token }) }),
    ])
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403))
    expect(stage.behind).toMatchObject({ decided: [], operations: [], started: [] })
  })

  test('a client without an origin is judged by its token alone', async () => {
    const { cookie, token } = await visit('/login?uid=waiting-1')
    const answer = await fetch(`${stage.url}/login/back`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie },
      body: new URLSearchParams({ ...fields, token }),
    })
    expect(answer.status).toBe(303)
  })

  test('the same form from the page itself goes on', async () => {
    const { cookie, token } = await visit('/login?uid=waiting-1')
    const answer = await post('/login/back', { ...fields, token }, { cookie, 'sec-fetch-site': 'same-origin' })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toContain('error=access_denied')
  })
})

describe('every page', () => {
  const pages = [
    '/login?uid=waiting-1',
    '/login?uid=another',
    '/consent?uid=waiting-1',
    '/account/signed-out',
    '/onward?to=nonsense',
    '/login/google/callback?code=LOGIN_DENIED',
  ]

  test.for(pages)('C47 F30: %s is never framed, stored or sniffed, and scripted by our one file at most, where passkeys are taken', async (path) => {
    if (path.startsWith('/consent')) stage.behind.waiting = question({ prompt: 'consent', purposes: ['personalised_shop'] })
    const { response, text } = await visit(path)
    const headers = Object.fromEntries(response.headers)
    const script = /waiting-1|DENIED/.test(path) && !path.startsWith('/consent') ? "script-src 'self'; " : ''
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; ${script}style-src 'self'; img-src 'self'; form-action 'self'${path.includes('waiting-1') || path.includes('DENIED') ? ' https: http://127.0.0.1:*' : ''}; frame-ancestors 'none'; base-uri 'none'`,
    )
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
    })
    const scripts = text.match(/<script[^>]*>/g) ?? []
    expect(scripts).toEqual(script === '' ? [] : [`<script src="${passkeyScriptPath}" defer>`])
    expect(text).not.toMatch(/\sstyle=|\son\w+=|javascript:/)
  })

  test('C47: the page that makes a passkey has the one script of ours, a file; what is shown once is kept by nobody', async () => {
    const account = await signedIn()
    const page = await visit('/account', { cookie: account })
    const shown = async (path: string, data: object) => {
      stage.behind.answers = [{ data }]
      const answer = await post(path, { token: page.token }, { cookie: `${page.cookie}; ${account}` })
      return { headers: Object.fromEntries(answer.headers), text: await answer.text() }
    }
    const passkey = await shown('/account/passkeys/new', { startPasskey: { handle: 'h', options: '{"challenge":"<b>"}' } })
    expect(passkey.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; ")
    expect(passkey.text.match(/<script[^>]*>/g)).toEqual([expect.stringMatching(/^<script src="\/assets\/[\w-]{16}\.js" defer>$/)])
    expect(passkey.text).toContain('data-options="{&quot;challenge&quot;:&quot;&lt;b&gt;&quot;}"')
    const app = await shown('/account/authenticator/new', { startTotp: { secret: 'JBSWY3DP', uri: 'otpauth://totp/House?secret=JBSWY3DP' } })
    const codes = await shown('/account/recovery-codes/new', { newRecoveryCodes: ['7Q2M-4TXA-9KPW-0RV0'] })
    expect([app.text.includes('JBSW Y3DP'), codes.text.includes('7Q2M-4TXA-9KPW-0RV0')]).toEqual([true, true])
    for (const { headers, text } of [app, codes]) {
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'same-origin' })
      expect(headers['content-security-policy']).not.toContain('script-src')
      expect(text).not.toMatch(/<script|\sstyle=/)
    }
    for (const path of ['/account/passkeys/new', '/account/authenticator/new', '/account/recovery-codes/new'])
      expect((await visit(path, { cookie: account })).response.status).toBe(303)
  })

  test('C44: cookies are bound to this host and out of reach of scripts', async () => {
    const { response } = await visit('/login?uid=waiting-1&lang=de')
    const account = await fetch(`${stage.url}/account`, { redirect: 'manual' })
    const lines = [...response.headers.getSetCookie(), ...account.headers.getSetCookie()]
    expect(lines).toHaveLength(4)
    for (const line of lines) expect(line).toMatch(/^__Host-entente-[a-z-]+=(?=.*; Path=\/)(?=.*; HttpOnly)(?=.*; Secure)(?=.*; SameSite=Lax)(?!.*Domain)/)
  })

  test('A54 A55: what others chose to be called is shown as text', async () => {
    const cookie = await signedIn()
    stage.behind.answers = [
      {
        data: {
          me: {
            givenName: '<img src=x onerror=alert(1)>',
            familyName: '"><script>alert(2)</script>',
            identities: [{ id: '"><b>', provider: '<svg onload=1>', state: 'gone', linkedAt: '2026-01-01T00:00:00Z' }],
            factors: [{ id: '"><b>', kind: 'passkey', name: '<b>phone', addedAt: '2026-01-01T00:00:00Z' }],
            devices: [{ id: '"><b>', agent: '<img src=x>', place: '<b>', firstAt: '2026-01-01T00:00:00Z', lastAt: '2026-01-01T00:00:00Z', current: false }],
          },
          en: [],
          de: [],
        },
      },
    ]
    const { text } = await visit('/account', { cookie })
    expect(text).toContain('value="&lt;img src=x onerror=alert(1)&gt;"')
    expect(text).not.toMatch(/<img|<script|<b>|<svg onload/)
  })

  test('C61: what stands in the address is not repeated', async () => {
    const { text, response } = await visit('/login?uid=%22%3E%3Cb%3Ehostile&lang=%3Cb%3E')
    expect(response.status).toBe(400)
    expect(text).not.toContain('hostile')
  })

  test('the language follows the link, then the link chosen before, the shop, the browser', async () => {
    expect(await languageOf('/login?uid=waiting-1', { 'accept-language': 'de-CH, fr' })).toBe('de')
    expect(await languageOf('/login?uid=waiting-1&lang=en', { 'accept-language': 'de' })).toBe('en')
    expect(await languageOf('/login?uid=waiting-1', { 'accept-language': 'de', cookie: '__Host-entente-language=en' })).toBe('en')
    stage.behind.waiting = question({ locale: 'de' })
    expect(await languageOf('/login?uid=waiting-1', { 'accept-language': 'en' })).toBe('de')
  })
})

describe('the login page', () => {
  test('A22: without a waiting login it leads to the account centre and nowhere else', async () => {
    for (const target of ['//evil.example', '/%5Cevil.example', 'https:evil.example', '%09//evil.example', 'javascript:alert(1)']) {
      const { response } = await visit(`/login?return_to=${target}`)
      expect([response.status, response.headers.get('location')]).toEqual([303, '/account'])
    }
  })

  test('C43: another login’s number opens nothing', async () => {
    const { response, text } = await visit('/login?uid=somebody-elses')
    expect(response.status).toBe(400)
    expect(text).toContain('LOGIN_EXPIRED')
  })

  test('a way in is a link that leads on by 303', async () => {
    const { response } = await visit('/login/start?uid=waiting-1&provider=apple')
    expect([response.status, response.headers.get('location')]).toEqual([303, 'http://127.0.0.1:9/provider/apple'])
    expect(response.headers.getSetCookie().some((line) => line.startsWith('__Host-entente-ways='))).toBe(true)
  })

  test('C43: the link starts nothing in a browser where that login does not wait', async () => {
    for (const query of ['uid=somebody-elses&provider=apple', 'provider=apple', 'uid=waiting-1', 'uid=waiting-1&uid=waiting-1&provider=apple']) {
      expect((await visit(`/login/start?${query}`)).response.status).toBe(400)
    }
    expect(stage.behind.started).toEqual([])
  })

  test('nobody can be sent elsewhere by a link they were given', async () => {
    for (const to of ['https://evil.example', '', 'x'.repeat(60)]) expect((await visit(`/onward?to=${encodeURIComponent(to)}`)).response.status).toBe(400)
  })

  test('a shop that names the provider skips the page, unless the provider is down', async () => {
    stage.behind.waiting = question({ provider: 'google' })
    const { response } = await visit('/login?uid=waiting-1')
    expect([response.status, response.headers.get('location')]).toEqual([303, 'http://127.0.0.1:9/provider/google'])
    stage.behind.down = ['google']
    const page = await visit('/login?uid=waiting-1')
    expect(page.response.status).toBe(503)
    expect(page.text).toContain('PROVIDER_UNAVAILABLE')
    expect(waysIn(page.text)).toContain('apple')
  })

  test.for([
    ['LOGIN_DENIED', 200],
    ['LINK_REQUIRED', 409],
    ['PROVIDER_UNAVAILABLE', 503],
    ['INTERNAL_SERVER_ERROR', 500],
  ] as const)('after %s it says so and offers the other ways (%i)', async ([code, status]) => {
    const { response, text } = await visit(`/login/google/callback?code=${code}`)
    expect(response.status).toBe(status)
    expect(text).toContain(code)
    expect(waysIn(text)).toEqual(['google', 'apple', 'facebook', 'haus'])
  })

  test('LINK_REQUIRED offers the ways known and no other', async () => {
    const { text } = await visit('/login/google/callback?code=LINK_REQUIRED&ways=apple')
    expect(waysIn(text)).toEqual(['apple'])
  })
})

describe('the consent page', () => {
  beforeEach(() => {
    stage.behind.waiting = question({ prompt: 'consent', customer: 'c', purposes: ['personalised_shop', 'email_marketing'] })
  })
  const fields = { uid: 'waiting-1', 'version:personalised_shop': '2026-01', 'version:email_marketing': '2026-01' }

  test('asks what is asked now, ticks nothing, and makes both answers alike', async () => {
    const { text } = await visit('/consent?uid=waiting-1')
    const answers = [...text.matchAll(/<input type="radio" name="decision:(\w+)" value="(\w+)" \/>/g)].map(([, purpose, answer]) => `${purpose} ${answer}`)
    expect(answers).toEqual(['personalised_shop yes', 'personalised_shop no', 'email_marketing yes', 'email_marketing no'])
    expect(text).not.toContain('checked')
    expect(text).not.toContain('personalised_ads')
  })

  test('stores what was answered; what was left open stays open', async () => {
    const { cookie, token } = await visit('/consent?uid=waiting-1')
    const answer = await post(
      '/consent',
      { ...fields, token, 'decision:email_marketing': 'no', 'decision:personalised_ads': 'yes', 'version:personalised_ads': '2026-01' },
      { cookie },
    )
    expect(answer.status).toBe(303)
    expect(stage.behind.decided).toEqual([{ purpose: 'email_marketing', granted: false, textVersion: '2026-01' }])
  })

  test('shows the new text when it changed meanwhile', async () => {
    const { cookie, token } = await visit('/consent?uid=waiting-1')
    stage.behind.fails = 'CONSENT_TEXT_OUTDATED'
    const answer = await post('/consent', { ...fields, token, 'decision:personalised_shop': 'yes' }, { cookie })
    expect(answer.status).toBe(409)
    const text = await answer.text()
    expect(text).toContain('CONSENT_TEXT_OUTDATED')
    expect(text).toContain('name="decision:personalised_shop"')
  })

  test('takes no third answer', async () => {
    const { cookie, token } = await visit('/consent?uid=waiting-1')
    const answer = await post('/consent', { ...fields, token, 'decision:personalised_shop': 'maybe' }, { cookie })
    expect([answer.status, stage.behind.decided]).toEqual([400, []])
  })
})

describe('the account centre', () => {
  test('signs in like a shop: code, PKCE and state', async () => {
    const { response } = await visit('/account')
    const to = new URL(response.headers.get('location') ?? '', stage.url)
    expect(to.pathname).toBe('/oidc/auth')
    expect(Object.fromEntries(to.searchParams)).toMatchObject({
      client_id: 'account',
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid purpose:data_subject_access',
      redirect_uri: `${stage.url}/account/callback`,
    })
  })

  test('C42: takes no answer to a login that this browser did not start', async () => {
    const start = await visit('/account')
    const state = new URL(start.response.headers.get('location') ?? '', stage.url).searchParams.get('state')
    const statuses = await Promise.all([
      visit(`/account/callback?code=good&state=${state}`),
      visit('/account/callback?code=good&state=other', { cookie: start.cookie }),
      visit(`/account/callback?code=good&state=${state}&iss=https%3A%2F%2Fevil.example`, { cookie: start.cookie }),
      visit(`/account/callback?code=stolen&state=${state}`, { cookie: start.cookie }),
      visit('/account/callback', { cookie: start.cookie }),
    ])
    expect(statuses.map(({ response }) => response.status)).toEqual([400, 400, 400, 400, 400])
  })

  test('keeps its token where neither the browser nor a page can read it', async () => {
    const cookie = await signedIn()
    expect(cookie).not.toContain(Buffer.from('a token').toString('base64url').slice(0, 8))
    expect((await visit('/account', { cookie })).text).not.toContain('a token')
    expect(new Set(stage.behind.operations.map(({ accessToken }) => accessToken))).toEqual(new Set(['a token']))
  })

  test('a changed or foreign cookie is no session', async () => {
    const cookie = await signedIn()
    const broken = cookie.replace(/=(.)/, (_, sign: string) => `=${sign === 'A' ? 'B' : 'A'}`)
    expect((await visit('/account', { cookie: broken })).response.status).toBe(303)
  })

  const forms = [
    [
      '/account/decision',
      { purpose: 'personalised_shop', version: '2026-01', answer: 'no' },
      { decisions: [{ purpose: 'personalised_shop', granted: false, textVersion: '2026-01' }] },
    ],
    ['/account/profile', { givenName: 'Anne', 'was:givenName': 'Anna' }, { input: { givenName: 'Anne' } }],
    ['/account/logins/remove', { id: 'i2' }, { id: 'i2' }],
    ['/account/sessions/end', { id: 's2' }, { id: 's2' }],
    ['/account/factors/remove', { id: 'f1' }, { id: 'f1' }],
    ['/account/devices/forget', { id: 'd2' }, { id: 'd2' }],
    ['/account/sign-out', { where: 'everywhere' }, { everywhere: true }],
  ] as const

  test.for(forms)('%s asks the API with the person’s own token', async ([path, fields, variables]) => {
    const account = await signedIn()
    const page = await visit('/account', { cookie: account })
    stage.behind.operations = []
    stage.behind.answers = [{ data: {} }]
    const answer = await post(path, { ...fields, token: page.token }, { cookie: `${page.cookie}; ${account}` })
    expect(answer.status).toBe(303)
    expect(stage.behind.operations).toMatchObject([{ variables, accessToken: 'a token' }])
  })

  test('C62: adding a login leads on by 303 to a page of ours, then to where linking starts', async () => {
    const account = await signedIn()
    const page = await visit('/account', { cookie: account })
    stage.behind.answers = [{ data: { startLinking: { url: 'http://127.0.0.1:9/link' } } }]
    const answer = await post('/account/logins/add', { provider: 'haus', token: page.token }, { cookie: `${page.cookie}; ${account}` })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, expect.stringMatching(/^\/onward\?to=[\w-]+$/)])
    const onward = await visit(answer.headers.get('location') ?? '')
    expect(onward.response.headers.get('refresh')).toBe('0; url=http://127.0.0.1:9/link')
  })

  test('says why something was refused', async () => {
    const account = await signedIn()
    const page = await visit('/account', { cookie: account })
    stage.behind.answers = [{ errors: [{ extensions: { code: 'LAST_IDENTITY' } }] }]
    const answer = await post('/account/logins/remove', { id: 'i1', token: page.token }, { cookie: `${page.cookie}; ${account}` })
    expect(answer.headers.get('location')).toBe('/account?problem=LAST_IDENTITY')
    expect((await visit('/account?problem=LAST_IDENTITY', { cookie: account })).text).toContain(wordOf('LAST_IDENTITY'))
    expect((await visit('/account?problem=Call%20this%20number', { cookie: account })).text).not.toContain('Call this number')
  })

  test.for([
    ['en', 'Read: First and last name, E-mail address', 'You signed in'],
    ['de', 'Gelesen: Vor- und Nachname, E-Mail-Adresse', 'Sie haben sich angemeldet'],
  ])('says in words what happened to the data, in %s', async ([language = '', ...told]) => {
    const { text } = await visit('/account', { cookie: await signedIn(), 'accept-language': language })
    for (const words of told) expect(text).toContain(`<td>${words}</td>`)
  })

  test('signs in anew when the API wants it', async () => {
    const account = await signedIn()
    const page = await visit('/account', { cookie: account })
    const startStepUp = { accepted: ['signIn'], reasons: ['signedInLongAgo'], passkeyOptions: null, handle: null }
    stage.behind.answers = [{ errors: [{ extensions: { code: 'STEP_UP_REQUIRED', action: 'unlinkIdentity' } }] }, { data: { startStepUp } }]
    const answer = await post('/account/logins/remove', { id: 'i1', token: page.token }, { cookie: `${page.cookie}; ${account}` })
    expect(new URL(answer.headers.get('location') ?? '', stage.url).searchParams.get('prompt')).toBe('login')
  })

  test('asks for a proof on a page that names the action, and then carries out what was wanted', async () => {
    const account = await signedIn()
    const page = await visit('/account', { cookie: account })
    const cookie = `${page.cookie}; ${account}`
    const startStepUp = { accepted: ['totp', 'recoveryCode'], reasons: ['factorEnrolled'], passkeyOptions: null, handle: null }
    const refusal = { errors: [{ extensions: { code: 'STEP_UP_REQUIRED', action: 'unlinkIdentity' } }] }
    stage.behind.answers = [refusal, { data: { startStepUp } }]
    const asked = await post('/account/logins/remove', { id: 'i1', token: page.token }, { cookie })
    const text = await asked.text()
    expect([asked.status, text.includes('Remove a login. It will no longer open this account.')]).toEqual([200, true])
    expect(text).toContain('name="id" value="i1"')
    expect(text).toContain('href="/account">Leave everything as it is')

    const given = { for: 'unlinkIdentity', to: '/account/logins/remove', id: 'i1', kind: 'totp', code: '123456', token: page.token }
    stage.behind.answers = [{ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] }, { data: { startStepUp } }]
    const wrong = await post('/account/confirm', given, { cookie })
    expect([wrong.status, (await wrong.text()).includes('BAD_USER_INPUT')]).toEqual([400, true])

    stage.behind.answers = [{ data: { completeStepUp: true } }]
    const right = await post('/account/confirm', given, { cookie })
    expect([right.status, right.headers.get('location')]).toEqual([307, '/account/logins/remove'])
    expect(stage.behind.operations.at(-1)?.variables).toEqual({ action: 'unlinkIdentity', proof: { totp: '123456' } })
    for (const to of ['https://elsewhere.example/', '//elsewhere.example', '/login', '/account/../login', '/account//elsewhere'])
      expect([to, (await post('/account/confirm', { ...given, to }, { cookie })).status]).toEqual([to, 400])
  })

  test('a token that no longer counts leads to a sign-in that asks the person, not into a circle', async () => {
    const cookie = await signedIn()
    stage.behind.answers = [{ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] }]
    const { response } = await visit('/account', { cookie })
    expect(response.status).toBe(303)
    expect(new URL(response.headers.get('location') ?? '', stage.url).searchParams.get('prompt')).toBe('login')
  })

  test('F30: its pages have no other addresses', async () => {
    const cookie = await signedIn()
    for (const path of ['/account/x.css', '/account/', '/account;a.css']) expect((await visit(path, { cookie })).response.status).toBe(404)
  })
})

const wordOf = (code: 'LAST_IDENTITY') => ({ LAST_IDENTITY: 'This is the only way into your account' })[code]

async function languageOf(path: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  return /<html lang="(..)"/.exec((await visit(path, headers)).text)?.[1]
}

const waysIn = (text: string) => [...text.matchAll(/href="\/login\/start\?uid=waiting-1&amp;provider=(\w+)"/g)].map(([, id]) => id)
