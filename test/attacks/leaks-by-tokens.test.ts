import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start } from '../../src/main.ts'
import { behaviourOf } from '../support/behaviour.ts'
import { newCanary, scannerOf, type Canary } from '../support/canaries.ts'
import { memoryLog } from '../support/callback.ts'
import { linksOf, pick } from '../support/browser.ts'
import { demoPolicy } from '../support/house.ts'
import { dumpOf, policyWith } from '../support/erasing.ts'
import { clientSide, startShop, type Shop } from '../support/shop.ts'
import { atChoice, withPasskey } from '../support/signing-in.ts'

// What tokens, logins and pages bring to whom it is not for. The numbers are those of leaks.
const { log, lines } = memoryLog()
let shop: Shop
let redis: Redis
beforeAll(async () => {
  shop = await startShop({ other: { log } })
  redis = new Redis(shop.env.REDIS_URL)
}, 60_000)
afterAll(async () => {
  redis.disconnect()
  await shop[Symbol.asyncDispose]()
})

test('F14 no identifier of a person is in the hands of two clients: not their id, not a reduced address, not what is below', async () => {
  const on = behaviourOf(shop)
  const yes = { personalised_shop: true, email_marketing: true, personalised_ads: true }
  const { account, id } = await on.person('person-201', yes)
  const all = 'id email givenName postcode country traits { clothingSize } identities { id } consents { purpose } segments { id }'
  const sso = await shop.signIn('google', { as: 'person-201', client: 'storefront-b', scope: 'openid purpose:fraud_prevention purpose:personalised_shop' })
  const first = await shop.signIn('google', { as: 'person-201', scope: 'openid purpose:fraud_prevention purpose:personalised_shop' })
  const texts: Record<string, string> = {}
  for (const [client, token] of [
    ['storefront', first.accessToken],
    ['storefront-b', sso.accessToken],
    ['account', account],
  ] as const) {
    const { data } = await shop.graphql(`{ me { ${all} } }`, {}, token)
    const receipt = await shop.graphql(
      'mutation { setConsents(decisions: [{ purpose: "fraud_prevention", granted: true, textVersion: "2026-01" }]) { jwt jsonld } }',
      {},
      token,
    )
    texts[client] = JSON.stringify([data, decodeJwt(token), decodeJwt(receipt.data.setConsents.jwt), receipt.data.setConsents.jsonld])
  }
  for (const client of ['marketing', 'ads'])
    texts[client] = JSON.stringify((await shop.graphql(`{ customers { edges { node { ${all} } } } }`, {}, await shop.tool(client))).data)
  // Whatever is long enough to be one and looks drawn or hashed; not the words of the API, nor of whoever issues it.
  const ofTheHouse = new Set([demoPolicy.version, ...demoPolicy.purposes.flatMap(({ texts: words }) => [...words.values()].map(({ hash }) => hash))])
  const identifiers = (text = '') => new Set(text.match(/[A-Za-z0-9_-]{16,}/g)?.filter((one) => /\d/.test(one) && !/^(urn|http|20\d\d-)/.test(one)))
  const shared = Object.entries(texts).flatMap(([a, mine], n) =>
    Object.entries(texts)
      .slice(n + 1)
      .flatMap(([b, theirs]) =>
        [...identifiers(mine)].filter((one) => identifiers(theirs).has(one) && !ofTheHouse.has(one)).map((one) => `${a} and ${b}: ${one}`),
      ),
  )
  expect(texts['storefront']).toContain(id)
  expect(texts['storefront-b']).toMatch(/"email":"[0-9a-f]{64}"/)
  expect(shared).toEqual([])
})

test('G3 an access token says who and what for, nothing of the person; what it may see is decided at each read', async () => {
  const on = behaviourOf(shop)
  const { accessToken, account } = await on.person('person-202', { personalised_shop: true })
  const read = async () => (await shop.graphql('{ me { pictureUrl } }', {}, accessToken)).extensions?.withheld?.[0]?.reason
  expect(await read()).toBeUndefined()
  await on.say(account, { personalised_shop: false })
  expect(await read()).toBe('CONSENT_WITHDRAWN')
  const claims = ['acr', 'amr', 'aud', 'auth_time', 'client_id', 'exp', 'grant', 'iat', 'iss', 'issued_ms', 'jti', 'scope', 'sub']
  const after = (await shop.signIn('google', { as: 'person-202' })).accessToken
  for (const token of [accessToken, after, account, await shop.tool('marketing')]) {
    expect(Object.keys(decodeJwt(token)).filter((claim) => !claims.includes(claim))).toEqual([])
    expect(JSON.stringify(decodeJwt(token))).not.toMatch(/person-202|granted|withdrawn/i)
  }
  // The same purposes whatever was decided: they are what may be asked for, not what is allowed.
  expect(decodeJwt(after)['scope']).toBe(decodeJwt(accessToken)['scope'])
})

test('G6 a yes is for the shops that it named: another one, signed in by the same browser or added later, reads nothing before it is asked', async () => {
  const onlyOne = (text: string) => text.replace(/(id: personalised_shop\n[\s\S]*?clients: )\[storefront, storefront-b\]/, '$1[storefront]')
  const clients = join(await mkdtemp(join(tmpdir(), 'clients-')), 'clients.yaml')
  const [before, after] = (await readFile('demo/clients.yaml', 'utf8')).split('  - id: storefront-b\n')
  await writeFile(clients, `${before}  - id: storefront-b\n${after?.replace('personalised_shop, ', '')}`)
  await using here = await startShop({ env: { POLICY_FILE: await policyWith(onlyOne), CLIENTS_FILE: clients } })
  const first = await here.signIn('google', { as: 'person-203', consent: { personalised_shop: true } })
  const query = '{ me { pictureUrl givenName consents { purpose state } } }'
  expect((await here.graphql(query, {}, first.accessToken)).data.me.pictureUrl).not.toBeNull()
  const purpose = 'purpose:personalised_shop'
  await expect(here.walk('google', { as: 'person-203', client: 'storefront-b', scope: `openid ${purpose}` })).rejects.toThrow('BAD_USER_INPUT')
  const second = await here.signIn('google', { as: 'person-203', client: 'storefront-b', browser: first.browser, scope: 'openid purpose:order_processing' })
  const seen = await here.graphql(query, {}, second.accessToken)
  expect([seen.data.me.pictureUrl, seen.data.me.consents.map((one: { purpose: string }) => one.purpose)]).toEqual([null, ['order_processing']])

  // Now the second shop is one of those that the purpose is for.
  await using later = await start({ ...here.env, POLICY_FILE: 'demo/policy.yaml', CLIENTS_FILE: 'demo/clients.yaml' })
  const asked = clientSide(later.address)
  for (const client of ['storefront', 'storefront-b']) {
    const { accessToken } = await asked.signIn('google', { as: 'person-203', client, scope: `openid ${purpose}`, consent: {} })
    const { data } = await asked.graphql(query, {}, accessToken)
    expect([client, data.me.pictureUrl, data.me.consents[0].state]).toEqual([client, null, 'OUTDATED'])
  }
})

test('G10 what a provider says beyond the few claims that are used is kept nowhere, and passed on to nobody', async () => {
  const names = [
    'gender',
    'birthdate',
    'phone_number',
    'zoneinfo',
    'website',
    'profile',
    'nickname',
    'preferred_username',
    'middle_name',
    'hometown',
    'custom',
    'about',
  ]
  const canaries: Canary[] = []
  const own = (field: string) => {
    canaries.push({ person: 'at the provider', field, value: newCanary() })
    return canaries.at(-1)?.value ?? ''
  }
  for (const [n, provider] of (['google', 'apple', 'facebook', 'haus'] as const).entries()) {
    const unlisted = {
      ...Object.fromEntries(names.map((name) => [name, own(`${provider} ${name}`)])),
      address: { street_address: own(`${provider} address`), locality: own(`${provider} town`) },
      friends: { data: [{ name: own(`${provider} friend`) }] },
    }
    shop.providers[provider].misbehave({ claims: unlisted, userinfo: unlisted })
    const { accessToken, idToken } = await shop.signIn(provider, { as: `person-${210 + n}`, client: 'account' })
    shop.providers[provider].behave()
    const { data, ...rest } = await shop.graphql('{ me { givenName email sources { field } identities { provider email } sessions { id } } }', {}, accessToken)
    expect(data.me.identities[0].provider).toBe(provider)
    const claims = await (await fetch(`${shop.url}/oidc/me`, { headers: { authorization: `Bearer ${accessToken}` } })).text()
    expect([provider, scannerOf(canaries)(`${JSON.stringify([data, rest])}${claims}${idToken}`)]).toEqual([provider, []])
  }
  expect(scannerOf(canaries)(`${await dumpOf(shop.db, redis, shop.env.REDIS_PREFIX)}\n${lines.join('')}`)).toEqual([])
})

test('G11 no page of ours has a picture fetched from a provider, or could', async () => {
  const canary = newCanary()
  shop.providers.google.misbehave({ claims: { picture: `https://pictures.example/${canary}.png` } })
  const browser = shop.newBrowser()
  const login = await browser.open(`${shop.url}/account`)
  const google = linksOf(login).find((link) => link.includes('provider=google')) ?? ''
  const account = await pick(browser, await browser.open(google), 'person-220')
  shop.providers.google.behave()
  expect(account.url).toContain('/account')
  const pages = [login, account, await browser.open(`${shop.url}/account?lang=de`), await browser.open(`${shop.url}/login`)]
  const kept = await shop.db.collection('customers').countDocuments({ pictureUrl: { $regex: canary } })
  expect(kept).toBe(1)
  for (const { text, headers, url } of pages) {
    expect([url, text.match(/(?:src|srcset|data|poster|background)="(?!data:)(?!\/)[^"]*"|url\(["']?https?:/g)]).toEqual([url, null])
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*img-src 'self'/)
    expect(headers.get('referrer-policy')).toMatch(/^(no-referrer|same-origin)$/)
  }
})

test('G14 a page that offers passkeys asks for any, whoever is named: it does not say who has one', async () => {
  const { accessToken } = await shop.signIn('google', { as: 'person-230', client: 'account' })
  await withPasskey(shop, accessToken)
  const asked = []
  for (const hint of ['person-230@people.example', 'nobody-at-all@people.example', undefined]) {
    const { page } = await atChoice(shop, hint === undefined ? {} : { login_hint: hint })
    const options = JSON.parse(/data-options="([^"]*)"/.exec(page.text)?.[1]?.replaceAll('&quot;', '"') ?? '{}')
    expect(options.challenge).toMatch(/^[\w-]{43}$/)
    asked.push({ ...options, challenge: '' })
  }
  expect(asked[0].allowCredentials ?? []).toEqual([])
  expect([asked[1], asked[2]]).toEqual([asked[0], asked[0]])
})

test('G15 each token opens what it was made for: the account is the account centre’s, tools’ lists are tools’, the log is the operator’s', async () => {
  const person = await shop.signIn('google', { as: 'person-240' })
  const account = (await shop.signIn('google', { as: 'person-240', client: 'account' })).accessToken
  await behaviourOf(shop).say(account, { email_marketing: true })
  const tokens = {
    shop: person.accessToken,
    account,
    tool: await shop.tool('marketing'),
    operator: await shop.tool('operator'),
    idToken: person.idToken ?? '',
    refreshToken: person.refreshToken ?? '',
  }
  const own =
    'sessions { id } devices { id } factors { id } accessLog { pageInfo { hasNextPage } } sources { field } exports { id } seenBy(clientId: "ads") { fields { field } }'
  const surfaces: Readonly<Record<string, (token: string) => Promise<boolean>>> = {
    'one’s own affairs': async (token) => {
      const { data } = await shop.graphql(`{ me { ${own} } }`, {}, token)
      const shown = Object.values(data?.me ?? {}).filter((value) => value !== null).length
      expect([0, 7]).toContain(shown)
      return shown > 0
    },
    restriction: async (token) => (await shop.graphql('mutation { restrictProcessing(restricted: false) { id } }', {}, token)).errors === undefined,
    export: async (token) => (await shop.graphql('mutation { requestExport { id } }', {}, token)).errors === undefined,
    linking: async (token) =>
      (await shop.graphql('mutation { startLinking(provider: "facebook", redirectUri: "http://127.0.0.1:5555/callback") { expiresAt } }', {}, token)).errors ===
      undefined,
    'segments explained': async (token) => (await shop.graphql('{ explainSegments { title } }', {}, token)).errors === undefined,
    'the shop’s view': async (token) => (await shop.graphql('{ me { givenName } }', {}, token)).data?.me != null,
    list: async (token) => (await shop.graphql('{ customers { totalCount } }', {}, token)).data?.customers?.totalCount > 0,
    audience: async (token) =>
      (await fetch(`${shop.url}/v1/audiences/regulars?purpose=email_marketing&fields=email`, { headers: { authorization: `Bearer ${token}` } })).ok,
    events: async (token) =>
      (await fetch(`${shop.url}/v1/t`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{}' }))
        .status !== 401,
    log: async (token) => (await shop.graphql('{ auditEvents { pageInfo { hasNextPage } } }', {}, token)).errors === undefined,
    userinfo: async (token) => (await fetch(`${shop.url}/oidc/me`, { headers: { authorization: `Bearer ${token}` } })).ok,
  }
  const opened: Record<string, string[]> = {}
  for (const [name, token] of Object.entries(tokens)) {
    opened[name] = []
    for (const [surface, opens] of Object.entries(surfaces)) if (await opens(token)) opened[name].push(surface)
  }
  expect(opened).toEqual({
    shop: ['the shop’s view', 'userinfo'],
    account: ['one’s own affairs', 'restriction', 'export', 'linking', 'segments explained', 'the shop’s view', 'userinfo'],
    tool: ['list', 'audience'],
    operator: ['log'],
    idToken: [],
    refreshToken: [],
  })
  // No shop gets at the account centre's purpose by asking.
  await expect(shop.walk('google', { as: 'person-240', scope: 'openid purpose:data_subject_access' })).rejects.toThrow('BAD_USER_INPUT')
})
