import { request } from 'node:http'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { start } from '../../src/main.ts'
import { formsOf, type Browser, type Page } from '../support/browser.ts'
import { openAttackedShop, type AttackedShop, type Standing } from '../support/callback.ts'
import { onward, redirectUri } from '../support/shop.ts'

let shop: AttackedShop
let host: string
const bystanders: AsyncDisposable[] = []
beforeAll(async () => {
  shop = await openAttackedShop()
  host = new URL(shop.url).host
})
beforeEach(() => {
  for (const provider of ['google', 'apple', 'facebook', 'haus'] as const) shop.providers[provider].behave()
})
afterAll(async () => {
  for (const one of bystanders) await one[Symbol.asyncDispose]()
  await shop[Symbol.asyncDispose]()
})

/** What no browser may achieve: a page of status 400 that leads nowhere, no code redeemed, nothing kept, and a line in the audit log. */
async function leadsNowhere(attack: () => Promise<Page>): Promise<void> {
  const before = { kept: await shop.kept(), redeemed: shop.redeemed(), denials: await shop.denials() }
  const page = await attack()
  expect([page.status, new URL(page.url).host, page.text.includes('LOGIN_EXPIRED')]).toEqual([400, host, true])
  expect([page.headers.get('cache-control'), page.headers.get('referrer-policy'), page.headers.get('location')]).toEqual(['no-store', 'same-origin', null])
  expect({ kept: await shop.kept(), redeemed: shop.redeemed() }).toEqual({ kept: before.kept, redeemed: before.redeemed })
  expect(await shop.denials()).toBe(before.denials + 1)
}

/** The positive twin: the same callback as its own browser would have opened it. */
async function goesThrough({ browser, callback, verifier }: Standing): Promise<void> {
  const before = shop.redeemed()
  const page = await onward(browser, await browser.open(callback.href), {})
  expect(page.url).toMatch(`${redirectUri}?code=`)
  expect((await shop.complete(page, verifier)).errors).toBeUndefined()
  expect(shop.redeemed()).toBe(before + 1)
}

const changed = (url: URL, change: (parameters: URLSearchParams) => void): string => {
  const copy = new URL(url)
  change(copy.searchParams)
  return copy.href
}

describe('the transaction belongs to one browser and one state', () => {
  const open = (browser: Browser, url: string) => () => browser.open(url)

  test('A01 A02 no state, or one nobody knows', async () => {
    const own = await shop.stand()
    await leadsNowhere(
      open(
        own.browser,
        changed(own.callback, (p) => p.delete('state')),
      ),
    )
    await leadsNowhere(
      open(
        own.browser,
        changed(own.callback, (p) => p.set('state', 'x'.repeat(43))),
      ),
    )
    await leadsNowhere(
      open(
        own.browser,
        changed(own.callback, (p) => p.set('state', '')),
      ),
    )
    await goesThrough(own)
  })

  test('A03 A04 somebody else’s callback in a signed-in browser, and a state of another browser beside the right cookie', async () => {
    const victim = await shop.signIn('google', { as: 'ben' })
    const attacker = await shop.stand({ as: 'anna' })
    await leadsNowhere(open(victim.browser, attacker.callback.href))
    const other = await shop.stand({ as: 'ben', browser: shop.newBrowser() })
    await leadsNowhere(
      open(
        other.browser,
        changed(other.callback, (p) => p.set('state', attacker.callback.searchParams.get('state') ?? '')),
      ),
    )
    const still = await shop.graphql('{ me { email } }', {}, victim.accessToken)
    expect(still.data.me.email).toBe('ben@firma.example')
    await goesThrough(attacker)
    await goesThrough(other)
  })

  test('A05 a login started by GraphQL leads to us first; what comes of it stays in the browser that walked it', async () => {
    const started = await shop.begin({ as: 'ben' })
    expect(new URL(started.data.startLogin.url).host).toBe(host)
    const victim = shop.newBrowser()
    const page = await onward(victim, await victim.open(started.data.startLogin.url), {})
    expect(page.url).toMatch(redirectUri)
    expect(victim.setCookies.some((line) => line.startsWith('__Host-entente-login='))).toBe(true)
    // Whoever started it has the verifier and no code; whoever walked it has the code and no verifier.
    expect((await shop.complete(page, 'v'.repeat(43))).errors?.[0]?.extensions.code).toBe('LOGIN_DENIED')
    const stranger = shop.newBrowser()
    expect((await onward(stranger, await stranger.open(started.data.startLogin.url), {})).url).not.toContain('code=')
  })

  test('A06 the answer of one provider at the address of another: refused at both, and spent', async () => {
    const own = await shop.stand()
    for (const other of ['facebook', 'haus']) {
      const swapped = await shop.stand()
      await leadsNowhere(open(swapped.browser, swapped.callback.href.replace('/google/', `/${other}/`)))
      await leadsNowhere(open(swapped.browser, swapped.callback.href))
    }
    await goesThrough(own)
  })

  test('A07 the same callback again, and twenty times at once', async () => {
    const own = await shop.stand()
    const before = shop.redeemed()
    const pages = await Promise.all(Array.from({ length: 20 }, () => own.browser.open(own.callback.href)))
    expect(shop.redeemed()).toBe(before + 1)
    const through = pages.filter(({ status }) => status !== 400)
    expect(through).toHaveLength(1)
    expect(through[0]?.url).not.toMatch('/login/google/callback')
    await leadsNowhere(open(own.browser, own.callback.href))
  })

  test('A08 ten minutes and no longer', async () => {
    const inTime = await shop.stand()
    const redis = new Redis(shop.env.REDIS_URL)
    const known = new Set(await redis.keys(`${shop.env.REDIS_PREFIX}login:*`))
    const late = await shop.stand()
    const [key = ''] = (await redis.keys(`${shop.env.REDIS_PREFIX}login:*`)).filter((one) => !known.has(one))
    const left = await redis.ttl(key)
    expect([left > 500, left <= 600]).toEqual([true, true])
    await redis.pexpire(key, 0)
    redis.disconnect()
    await leadsNowhere(open(late.browser, late.callback.href))
    await goesThrough(inTime)
  })
})

describe('the answer of the provider', () => {
  /** A refusal that the waiting login can go on from: our page with the other ways in, nothing redeemed, the transaction spent. */
  async function isRefused(own: Standing, url: string, code = 'LOGIN_DENIED'): Promise<Page> {
    const before = { redeemed: shop.redeemed(), people: await shop.db.collection('customers').countDocuments(), denials: await shop.denials() }
    const page = await own.browser.open(url)
    expect([new URL(page.url).host, page.text.includes(code)]).toEqual([host, true])
    expect([shop.redeemed(), await shop.db.collection('customers').countDocuments()]).toEqual([before.redeemed, before.people])
    expect(await shop.denials()).toBe(before.denials + 1)
    await leadsNowhere(() => own.browser.open(own.callback.href))
    return page
  }

  test('A12 A13 an iss that is not this provider’s, or none where it is announced', async () => {
    const google = await shop.stand()
    await isRefused(
      google,
      changed(google.callback, (p) => p.set('iss', shop.providers.haus.url)),
    )
    const silent = await shop.stand({ provider: 'haus', as: 'cem' })
    await isRefused(
      silent,
      changed(silent.callback, (p) => p.delete('iss')),
    )
    const wrong = await shop.stand({ provider: 'haus', as: 'cem' })
    await isRefused(
      wrong,
      changed(wrong.callback, (p) => p.set('iss', `${shop.providers.haus.url}/`)),
    )
    await goesThrough(await shop.stand({ provider: 'haus', as: 'cem' }))
  })

  test('A15 a parameter that came twice makes the whole invalid', async () => {
    const own = await shop.stand()
    for (const name of ['state', 'code', 'iss', 'error']) {
      const twice = changed(own.callback, (p) => {
        if (!p.has(name)) p.append(name, 'first')
        p.append(name, 'second')
      })
      await leadsNowhere(() => own.browser.open(twice))
    }
    const bracketed = await shop.stand()
    await isRefused(
      bracketed,
      changed(bracketed.callback, (p) => {
        p.set('code[]', p.get('code') ?? '')
        p.delete('code')
      }),
    )
    await goesThrough(own)
  })

  test('A16 by the wrong method', async () => {
    const own = await shop.stand()
    const before = { kept: await shop.kept(), redeemed: shop.redeemed() }
    const posted = await own.browser.open(`${shop.url}/login/google/callback`, { method: 'POST', form: Object.fromEntries(own.callback.searchParams) })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET'])
    const body = own.callback.searchParams.toString()
    const status = await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length, cookie: cookiesOf(own.browser) }
      request(`${shop.url}/login/apple/callback`, { method: 'GET', headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end(body)
    })
    expect(status).toBe(400)
    expect({ kept: await shop.kept(), redeemed: shop.redeemed() }).toEqual(before)
    await goesThrough(own)
  })

  test('A17 A20 the person or the provider said no, with or without a code beside it; the way back to the shop is open', async () => {
    const cancelled = await shop.stand({ as: 'dora' })
    expect(cancelled.callback.searchParams.get('error')).toBe('access_denied')
    const page = await isRefused(cancelled, cancelled.callback.href)
    const back = await cancelled.browser.submit(page, {}, ({ action }) => action.endsWith('/login/back'))
    const { searchParams } = new URL(back.url)
    expect(back.url).toMatch(redirectUri)
    expect([searchParams.get('error'), searchParams.get('state'), searchParams.get('iss')]).toEqual(['access_denied', 'shop-state', `${shop.url}/oidc`])

    const both = await shop.stand()
    await isRefused(
      both,
      changed(both.callback, (p) => p.set('error', 'access_denied')),
    )
    expect(await (await fetch(`${shop.url}/metrics`)).text()).toMatch(
      /entente_login_steps_total\{step="claims",provider="google",outcome="LOGIN_DENIED"\} [1-9]/,
    )
  })

  test('A18 what the provider says about an error is neither shown nor passed on nor logged', async () => {
    const own = await shop.stand()
    const before = shop.lines.length
    const hostile = `<script>alert(1)</script>\r\nset-cookie: a=b javascript:alert(2) ${'x'.repeat(8_000)}`
    const page = await isRefused(
      own,
      changed(own.callback, (p) => {
        p.set('error', 'odd<error>')
        p.set('error_description', hostile)
        p.set('error_uri', 'javascript:alert(3)')
      }),
    )
    for (const text of [page.text, JSON.stringify([...page.headers]), shop.lines.slice(before).join('')])
      expect(text).not.toMatch(/alert\(|odd<error>|javascript:|x{100}/)
  })

  test('A19 an outsider who knows the state cannot spend it', async () => {
    const victim = await shop.stand()
    const outsider = await shop.stand({ as: 'ben', browser: shop.newBrowser() })
    for (const browser of [outsider.browser, shop.newBrowser()]) {
      await leadsNowhere(() => browser.open(`${shop.url}/login/google/callback?error=x&state=${victim.callback.searchParams.get('state')}`))
    }
    await goesThrough(victim)
  })

  test('A28 the callback leads on at once, and says nothing to third parties', async () => {
    const own = await shop.stand()
    const answer = await fetch(own.callback, { redirect: 'manual', headers: { cookie: cookiesOf(own.browser) } })
    expect(answer.status).toBe(303)
    expect([answer.headers.get('referrer-policy'), answer.headers.get('cache-control'), await answer.text()]).toEqual(['no-referrer', 'no-store', ''])
    expect(answer.headers.get('location')).not.toContain(own.callback.searchParams.get('code') ?? '')
  })

  const cookiesOf = (browser: Browser) =>
    browser
      .cookieNames(host)
      .map((name) => `${name}=${browser.cookie(host, name)}`)
      .join('; ')
})

describe('what a login may be started with', () => {
  const spread = async (): Promise<unknown> => {
    const redis = new Redis(shop.env.REDIS_URL)
    const keys = (await redis.keys(`${shop.env.REDIS_PREFIX}login*`)).sort()
    redis.disconnect()
    return { keys, kept: await shop.kept() }
  }

  test.for([
    'http://127.0.0.1:5555/callback/x',
    'http://127.0.0.1:5555/callbac',
    'http://127.0.0.1:5555/Callback',
    'http://127.0.0.1:5555/callback?x=1',
    'http://127.0.0.1:5555/callback#x',
    'https://127.0.0.1:5555/callback',
    'http://localhost:5555/callback',
    'http://127.0.0.1@evil.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://127.0.0.1./callback',
    '//evil.example',
    '\\\\evil.example',
    'javascript:alert(1)',
    '',
  ])('A21 redirect URI %s', async (uri) => {
    const before = await spread()
    const { data, errors } = await shop.begin({ input: { redirectUri: uri } })
    expect([data?.startLogin, errors?.[0]?.extensions.code]).toEqual([undefined, 'BAD_USER_INPUT'])
    expect(await spread()).toEqual(before)
  })

  test('A21 the registered one, on any port of this machine', async () => {
    expect((await shop.begin({ input: { redirectUri: 'http://127.0.0.1:8123/callback' } })).errors).toBeUndefined()
  })

  test.for(['//evil.example', '/\\evil.example', 'https:evil.example', '%09//evil.example', 'javascript:alert(1)', '/account'])(
    'A22 return_to=%s is not followed',
    async (target) => {
      const answer = await fetch(`${shop.url}/login?return_to=${encodeURIComponent(target)}`, { redirect: 'manual' })
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account'])
    },
  )

  test('A23 A09 values stay values: one redirect URI, scopes of ours, PKCE on every request', async () => {
    const browser = shop.newBrowser()
    browser.stopAt.push(shop.providers.google.url)
    const hint = 'a&redirect_uri=https://evil.example/&scope=admin'
    const { data } = await shop.begin({ input: { loginHint: hint, locale: 'de&prompt=none' } })
    const asked = new URL((await browser.open(data.startLogin.url)).url).searchParams
    expect([asked.getAll('redirect_uri'), asked.getAll('login_hint'), asked.getAll('scope')]).toEqual([
      [`${shop.url}/login/google/callback`],
      [hint],
      ['openid email profile'],
    ])
    expect([asked.get('prompt'), asked.get('code_challenge_method'), asked.get('code_challenge')?.length]).toEqual([null, 'S256', 43])
    for (const input of [{ scope: 'openid https://provider.example/admin' }, { locale: 'de\r\nx: y' }]) {
      const { errors, data: url } = await shop.begin({ input })
      if (errors) expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT')
      else expect(new URL((await browser.open(url.startLogin.url)).url).href).not.toMatch(/%0d|%0a|admin/i)
    }
  })

  test.for(['__proto__', 'constructor', 'toString', 'GOOGLE', 'google ', 'goo\u0261le', ''])('A24 no provider is called %j', async (provider) => {
    const before = await spread()
    expect((await shop.begin({ provider })).errors?.[0]?.extensions.code).toBe('PROVIDER_UNKNOWN')
    expect((await fetch(`${shop.url}/login/${encodeURIComponent(provider)}/callback?code=x&state=y`)).status).toBe(404)
    expect(await spread()).toEqual(before)
  })

  test('A25 a provider that is switched off while a login is under way', async () => {
    const own = await shop.stand()
    const account = await shop.signIn('apple', { as: 'person-250', client: 'account' })
    const { GOOGLE_CLIENT_ID: _id, GOOGLE_CLIENT_SECRET: _secret, ...env } = shop.env
    const without = await start({ ...env, PUBLIC_URL: shop.url })
    bystanders.push(without)
    const there = (url: string) => url.replace(shop.url, without.address)
    const before = { kept: await shop.kept(), redeemed: shop.redeemed() }
    for (const name of own.browser.cookieNames(host)) own.browser.setCookie(new URL(without.address).host, name, own.browser.cookie(host, name) ?? '')
    expect((await own.browser.open(there(own.callback.href))).status).toBe(404)
    const at = without.address
    const idToken = await shop.providers.google.idToken('anna', { audience: shop.env.GOOGLE_CLIENT_ID, nonce: 'n-25' })
    const device = { clientId: 'storefront', provider: 'google', idToken, nonce: 'n-25' }
    const codes = [
      await shop.graphql('mutation ($input: LoginWithIdTokenInput!) { loginWithIdToken(input: $input) { accessToken } }', { input: device }, undefined, at),
      await shop.graphql(`mutation { startLinking(provider: "google", redirectUri: "${redirectUri}") { url } }`, {}, account.accessToken, at),
    ].map(({ errors }) => errors?.[0]?.extensions.code)
    expect(codes).toEqual(['PROVIDER_UNKNOWN', 'PROVIDER_UNKNOWN'])
    expect({ kept: await shop.kept(), redeemed: shop.redeemed() }).toEqual(before)
    await goesThrough(own)
  })

  test('A29 half a configuration starts nothing, and the missing variable is named', async () => {
    for (const name of ['GOOGLE_CLIENT_ID', 'FACEBOOK_CLIENT_SECRET', 'APPLE_PRIVATE_KEY'])
      await expect(start({ ...shop.env, [name]: '' })).rejects.toThrow(`${name} is missing`)
  })
})

describe('Apple posts its answer', () => {
  const posted = async (as = 'anna') => {
    const { data, verifier } = await shop.begin({ provider: 'apple', as })
    const browser = shop.newBrowser()
    const page = await browser.open(data.startLogin.url)
    return { browser, page, verifier, form: formsOf(page)[0] ?? { action: '', method: '', fields: {} } }
  }

  test('A64 an attacker’s code and state, posted by the victim’s browser', async () => {
    const victim = await shop.signIn('google', { as: 'ben' })
    const attacker = await posted('person-64')
    await leadsNowhere(() => victim.browser.open(attacker.form.action, { method: 'POST', form: attacker.form.fields, from: 'https://evil.example/' }))
    expect((await victim.browser.open(attacker.form.action, { method: 'POST', form: { code: 'x' }, from: 'https://evil.example/' })).status).toBe(400)
    const own = await posted('person-65')
    expect((await own.browser.open(own.form.action, { method: 'POST', form: own.form.fields, from: own.page.url })).url).toMatch(redirectUri)
  })

  test('A65 the address in the unsigned form is never read', async () => {
    const own = await posted('person-66')
    const user = JSON.stringify({ name: { firstName: 'Given', lastName: 'Once' }, email: 'victim@shop.example' })
    const end = await onward(
      own.browser,
      await own.browser.open(own.form.action, { method: 'POST', form: { ...own.form.fields, user }, from: own.page.url }),
      {},
    )
    const { data } = await shop.complete(end, own.verifier)
    expect((await shop.graphql('{ me { email givenName } }', {}, data.completeLogin.accessToken)).data.me).toEqual({
      email: 'person-66@people.example',
      givenName: 'Given',
    })
    expect(JSON.stringify(await shop.db.collection('customers').find({}).toArray())).not.toContain('victim@shop.example')
  })
})

test('A62 C66 what logins are made of is in no log, no database, not in Redis', async () => {
  const watched: string[] = []
  for (const provider of ['google', 'facebook', 'haus', 'apple']) {
    const { data } = await shop.begin({ provider, as: 'person-62' })
    const browser = shop.newBrowser()
    await onward(browser, await browser.open(data.startLogin.url), {})
    watched.push(...browser.setCookies.map((line) => /=([^;]{20,})/.exec(line)?.[1] ?? '').filter((value) => value !== ''))
  }
  for (const { requests } of [shop.providers.google, shop.providers.apple, shop.providers.facebook, shop.providers.haus])
    for (const { form, headers, query } of requests)
      watched.push(
        ...([form['code'], form['code_verifier'], form['client_secret'], query['access_token'], headers.authorization?.split(' ')[1]].filter(
          (value) => value !== undefined && value.length > 20,
        ) as string[]),
      )
  await shop.stand({ as: 'person-63@people.example' })
  watched.push('person-63@people.example')
  expect(watched.length).toBeGreaterThan(20)

  const redis = new Redis(shop.env.REDIS_URL)
  const values = await Promise.all((await redis.keys(`${shop.env.REDIS_PREFIX}*`)).map(async (key) => `${key} ${await redis.get(key).catch(() => '')}`))
  redis.disconnect()
  const rows = await Promise.all((await shop.db.collections()).map((one) => one.find({}).toArray()))
  for (const place of [shop.lines.join(''), values.join('\n'), JSON.stringify(rows)]) {
    expect(place.length).toBeGreaterThan(100)
    expect(watched.filter((secret) => place.includes(secret))).toEqual([])
    expect(place).not.toMatch(/ya29\.|1\/\/0|EAAB|\.0\.mxzs\./)
  }
})
