import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { acrs } from '../../src/access/session-marks.ts'
import { authorize, newCustomer, openStage, redeem, refresh, signedIn, type Stage } from '../access/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  Object.assign(stage.behind, { standing: { hasFactor: false, alertSince: null }, proof: null, asked: [] })
})

const otp = { amr: ['otp', 'mfa'], acr: acrs.factor } as const
/** Seconds pass, for the gateway's clock and the library's alike. */
async function later<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
  try {
    return await work()
  } finally {
    vi.useRealTimers()
  }
}
const marksIn = (tokens: { readonly body: Readonly<Record<string, unknown>>; readonly access: string }) => {
  const [id, access] = [decodeJwt(String(tokens.body['id_token'])), decodeJwt(tokens.access)]
  return { id: { acr: id['acr'], amr: id['amr'] }, access: { acr: access['acr'], amr: access['amr'], authTime: access['auth_time'] } }
}

test('a shop that asks for a factor gets it proved at a page, and tokens that say so; who has proved it is not asked again', async () => {
  const { browser, tokens } = await signedIn(stage)
  expect(marksIn(tokens)).toEqual({ id: { acr: acrs.oneWay, amr: undefined }, access: { acr: acrs.oneWay, amr: undefined, authTime: expect.any(Number) } })
  stage.behind.proof = otp
  const asked = await redeem(stage, await authorize(stage, browser, { acr_values: acrs.factor }))
  expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'confirm', confirm: { acr: [acrs.factor], maxAge: null, reasons: ['acr'] } })
  expect(marksIn(asked)).toMatchObject({ id: { acr: acrs.factor, amr: ['otp', 'mfa'] }, access: { acr: acrs.factor, amr: ['otp', 'mfa'] } })
  const times = stage.behind.asked.length
  const again = await redeem(stage, await authorize(stage, browser, { acr_values: acrs.factor, client_id: 'storefront-b' }), { client_id: 'storefront-b' })
  expect(marksIn(again).id.acr).toBe(acrs.factor)
  expect(stage.behind.asked.length).toBe(times)
})

test('acr_values that nobody here knows are passed over, and one known way that is met is enough', async () => {
  const { browser } = await signedIn(stage)
  for (const acr_values of ['urn:mace:incommon:iap:gold', `${acrs.factor} ${acrs.oneWay}`, '']) {
    expect((await authorize(stage, browser, { acr_values })).code).not.toBeNull()
  }
  const metadata = await (await fetch(`${stage.url}/oidc/.well-known/openid-configuration`)).json()
  expect(metadata).toMatchObject({ acr_values_supported: Object.values(acrs) })
})

test('max_age: who has a factor proves it, who has none signs in again', async () => {
  const { browser, customer } = await signedIn(stage)
  await later(120, async () => {
    stage.behind.standing = { hasFactor: true, alertSince: null }
    stage.behind.proof = otp
    const proved = await redeem(stage, await authorize(stage, browser, { max_age: '60' }))
    expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'confirm', customer, confirm: { reasons: ['maxAge'] } })
    expect(decodeJwt(String(proved.body['id_token']))['auth_time']).toBeGreaterThan(Date.now() / 1000 - 30)
  })
  await later(240, async () => {
    stage.behind.standing = { hasFactor: false, alertSince: null }
    expect((await authorize(stage, browser, { max_age: '60' })).code).not.toBeNull()
    expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'login' })
  })
})

test('D27 a step-up lasts ten minutes: acr falls back in tokens and at the next shop, and a refresh renews no auth_time', async () => {
  const { browser } = await signedIn(stage)
  stage.behind.proof = otp
  const tokens = await redeem(stage, await authorize(stage, browser, { acr_values: acrs.factor }))
  const { authTime } = marksIn(tokens).access
  const soon = await later(300, () => refresh(stage, tokens.refresh))
  expect(marksIn(soon)).toMatchObject({ id: { acr: acrs.factor }, access: { acr: acrs.factor, authTime } })
  await later(660, async () => {
    const late = await refresh(stage, soon.refresh)
    expect(marksIn(late)).toMatchObject({ id: { acr: acrs.oneWay }, access: { acr: acrs.oneWay, authTime } })
    // Busy all the time, and still it is over.
    const busy = await redeem(stage, await authorize(stage, browser))
    expect(marksIn(busy).access).toMatchObject({ acr: acrs.oneWay, authTime })
    stage.behind.proof = null
    expect((await authorize(stage, browser, { acr_values: acrs.factor })).code).toBeNull()
    expect((await authorize(stage, browser, { acr_values: acrs.factor, prompt: 'none' })).error).toBe('login_required')
  })
})

test('D30 between the way in and the factor that an alert asks for, nobody is signed in', async () => {
  stage.behind.standing = { hasFactor: true, alertSince: new Date(Date.now() - 1000) }
  const customer = newCustomer()
  stage.behind.person = customer
  const browser = stage.browser()
  const half = await authorize(stage, browser)
  expect(half.code).toBeNull()
  expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'confirm', customer, confirm: { reasons: ['alert'] } })
  for (const change of [{ prompt: 'none' }, { prompt: 'none', client_id: 'storefront-b' }]) {
    expect((await authorize(stage, browser, change)).error).toBe('login_required')
  }
  // The cookie alone adds no login either: linking asks whose session it is.
  const answer = await fetch(`${stage.url}/whose-session`, { headers: { cookie: browser.cookieHeaderFor(stage.url) } })
  expect(await answer.text()).toBe('nobody')
  stage.behind.proof = otp
  expect((await authorize(stage, browser)).code).not.toBeNull()
  expect(stage.behind.standing.alertSince).toBeNull()
})

test('D34 who was shut out after signing in gets no tokens for the code, and a confirmed factor brings no ended session back', async () => {
  const { browser, customer } = await signedIn(stage)
  const approved = await authorize(stage, browser)
  expect(approved.code).not.toBeNull()
  stage.behind.dead.add(customer)
  expect((await redeem(stage, approved)).body).toMatchObject({ error: 'invalid_grant' })
  stage.behind.dead.delete(customer)

  const waiting = await authorize(stage, browser, { acr_values: acrs.factor })
  expect(waiting.code).toBeNull()
  stage.behind.dead.add(customer)
  stage.behind.proof = otp
  const page = await browser.open(waiting.url)
  expect(page.status).toBe(500)
  expect(page.text).toContain('LOGIN_EXPIRED')
})

test('B39 an ending that comes between the sign-in and the session: none is made, whatever page is open', async () => {
  const customer = newCustomer()
  stage.behind.person = customer
  const before = stage.behind.endedAt
  // The customer was found before the ending; the session would be made after it.
  stage.behind.foundAt = new Date(Date.now() - 5)
  stage.behind.endedAt = new Date()
  const browser = stage.browser()
  const late = await authorize(stage, browser).catch((error: unknown) => ({ code: null, error: String(error) }))
  expect(late.code).toBeNull()
  stage.behind.foundAt = null
  expect((await authorize(stage, browser)).code).not.toBeNull()
  stage.behind.endedAt = before
})

test('B39 an ending while the login page is open: who was signed in signs in anew, and nothing of the old session comes along', async () => {
  const { browser } = await signedIn(stage)
  stage.behind.person = null
  const open = await authorize(stage, browser, { prompt: 'login' })
  expect(open.code).toBeNull()
  const ended = await stage.db.collection<{ _id: string }>('openid').deleteMany({ _id: /^Session:/ })
  expect(ended.deletedCount).toBeGreaterThan(0)
  // Not asked about as the one whom the session belonged to.
  await browser.open(open.url)
  expect(stage.behind.asked.at(-1)).toMatchObject({ prompt: 'login', customer: null })
  stage.behind.person = newCustomer()
  const end = await browser.open(open.url)
  expect(new URL(end.url).searchParams.get('code')).not.toBeNull()
})

test('tokens say neither the way in nor the device', async () => {
  const { tokens } = await signedIn(stage)
  for (const token of [String(tokens.body['id_token']), tokens.access]) expect(JSON.stringify(decodeJwt(token))).not.toMatch(/google|device|way:|at:\d/)
})
