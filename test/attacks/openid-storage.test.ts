import { SignJWT, decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openIdAdapter } from '../../src/access/openid-adapter.ts'
import type { EntenteError } from '../../src/errors.ts'
import { authorize, newCustomer, openStage, redeem, refresh, signedIn, type Stage } from '../access/stage.ts'

let stage: Stage
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  stage = await openStage()
})
afterAll(async () => {
  vi.useRealTimers()
  await stage[Symbol.asyncDispose]()
})
const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds)
const minutes = 60_000
const hours = 60 * minutes
const days = 24 * hours

const everything = async (): Promise<string> => {
  const all = await Promise.all(Object.values(stage.db.collections).map((collection) => collection.find({}).toArray()))
  const prefix = stage.redis.options.keyPrefix ?? ''
  const names = await stage.redis.keys(`${prefix}*`)
  expect(names.length).toBeGreaterThan(0)
  const values = await Promise.all(names.map((name) => stage.redis.get(name.slice(prefix.length))))
  return JSON.stringify([all, names, values])
}

test('what a login that was given up leaves is gone with the ten minutes of a login', async () => {
  stage.behind.person = null
  const { redis } = stage
  const names = async () => new Set(await redis.keys(`${redis.options.keyPrefix}interaction:*`))
  const before = await names()
  await authorize(stage, stage.browser())
  const left = [...(await names())].filter((name) => !before.has(name))
  const bare = left.map((name) => name.slice(redis.options.keyPrefix?.length))
  for (const name of bare) expect([name, (await redis.ttl(name)) <= 600, Number(await redis.memory('USAGE', name)) < 2_048]).toEqual([name, true, true])
  expect(left).toHaveLength(1)
})

test('C66 G12 what opens a door is nowhere in the database, nor what a person typed', async () => {
  stage.behind.person = null
  const waiting = stage.browser()
  await authorize(stage, waiting, { login_hint: 'anna.demo@gmail.com' })
  const { authorization, browser, tokens } = await signedIn(stage)
  const door = await stage.openid.door.startLogin({
    clientId: 'storefront',
    provider: 'google',
    redirectUri: 'http://127.0.0.1:9/callback',
    codeChallenge: 'x'.repeat(43),
  })
  const host = new URL(stage.url).host
  const secrets = [
    'anna.demo@gmail.com',
    authorization.code,
    tokens.refresh,
    tokens.access,
    browser.cookie(host, '__Host-entente-session'),
    waiting
      .cookieNames(host)
      .find((name) => name.startsWith('__Host-entente-interaction.') && !name.endsWith('.sig'))
      ?.split('.')[1],
    new URL(door.url).searchParams.get('request_uri')?.split(':').at(-1),
  ]
  const stored = await everything()
  expect(stored.length).toBeGreaterThan(1000)
  for (const secret of secrets) {
    expect(secret?.length).toBeGreaterThan(10)
    expect(stored).not.toContain(secret)
  }
})

test('C14 F50 a code ends after 60 seconds, swept or not', async () => {
  stage.behind.person = newCustomer()
  const authorization = await authorize(stage, stage.browser())
  pass(61_000)
  expect((await redeem(stage, authorization)).body).toMatchObject({ error: 'invalid_grant' })
})

test('F50 a record is over at its end, whether or not the database has swept it', async () => {
  const record = { kind: 'Session', id: 'an id', payload: { uid: 'x' }, expiresAt: new Date(Date.now() + 1000) }
  await stage.parts.records.put(record)
  expect(await stage.parts.records.read('Session', 'an id')).toMatchObject({ payload: { uid: 'x' } })
  pass(1000)
  expect(await stage.parts.records.read('Session', 'an id')).toBeNull()
  expect(await stage.parts.records.consume('Session', 'an id')).toBe(false)
})

test('C17 a used refresh token is refused after a restart too', async () => {
  const { tokens } = await signedIn(stage)
  expect((await refresh(stage, tokens.refresh)).status).toBe(200)
  expect((await refresh(stage, tokens.refresh, {}, { 'x-process': '2' })).body).toMatchObject({ error: 'invalid_grant' })
})

test('C60 keys rotate: published, then used, kept while their tokens live, then refused', async () => {
  const published = async (): Promise<{ keys: Record<string, unknown>[] }> => JSON.parse(await (await fetch(`${stage.url}/oidc/jwks`)).text())
  const kids = async () => (await published()).keys.map(({ kid }) => kid)
  for (const key of (await published()).keys) for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
  const first = await kids()
  expect(first).toHaveLength(2)
  const old = await signedIn(stage)
  const { kid } = decodeProtectedHeader(old.tokens.access)
  // Whoever got hold of an old key signs with it for as long as it counts.
  const thief = stage.openid.signingKeys.current().accessTokenSigner
  const forged = async () => {
    const token = await new SignJWT({ ...decodeJwt(old.tokens.access), exp: Math.floor(Date.now() / 1000) + 60 })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: thief.kid })
      .sign(thief.key)
    return stage.openid.callerOf(`Bearer ${token}`).then(
      () => 'taken',
      (error: EntenteError) => error.code,
    )
  }
  expect(await forged()).toBe('taken')

  pass(91 * days)
  await stage.openid.refreshKeys()
  expect(await kids()).toHaveLength(4)
  expect(decodeProtectedHeader((await signedIn(stage)).tokens.access).kid).toBe(kid)
  pass(55 * minutes)
  const before = (await signedIn(stage)).tokens.access
  pass(6 * minutes)
  await stage.openid.refreshKeys()
  const next = await signedIn(stage)
  expect(decodeProtectedHeader(next.tokens.access).kid).not.toBe(kid)
  expect(await stage.openid.callerOf(`Bearer ${next.tokens.access}`)).not.toBeNull()
  expect(await kids()).toHaveLength(4)

  expect(decodeProtectedHeader(before).kid).toBe(kid)
  expect(await stage.openid.callerOf(`Bearer ${before}`)).not.toBeNull()
  pass(25 * hours)
  await stage.openid.refreshKeys()
  expect(await kids()).toHaveLength(2)
  for (const one of first) expect(await kids()).not.toContain(one)
  expect(await forged()).toBe('UNAUTHENTICATED')
})

test('a rotation logs nobody out', async () => {
  const { browser, tokens } = await signedIn(stage)
  pass(200 * minutes)
  await stage.openid.refreshKeys()
  expect((await refresh(stage, tokens.refresh)).status).toBe(200)
  expect((await authorize(stage, browser, { prompt: 'none' })).code).not.toBeNull()
})

test('C23 F50 what belongs to a grant is gone from the store with it', async () => {
  const adapter = openIdAdapter(stage.parts)
  const [codes, refreshed] = [adapter('AuthorizationCode'), adapter('RefreshToken')]
  const payload = { accountId: newCustomer(), grantId: 'a grant', jti: 'x' }
  await codes.upsert('a code', { ...payload, kind: 'AuthorizationCode' }, 60)
  await refreshed.upsert('a token', { ...payload, kind: 'RefreshToken' }, 60)
  await refreshed.upsert('of another', { ...payload, grantId: 'another grant', kind: 'RefreshToken' }, 60)
  await refreshed.revokeByGrantId('a grant')
  expect(await codes.find('a code')).toBeUndefined()
  expect(await refreshed.find('a token')).toBeUndefined()
  expect(await refreshed.find('of another')).toMatchObject({ grantId: 'another grant' })
})
