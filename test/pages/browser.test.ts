import { createServer } from 'node:http'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { examine, openChromium, press } from './chromium.ts'
import { openStage, question } from './stage.ts'

/** The provider and the shop: another origin, where the pages lead to. What it is told in `passOn` it sends on to, as shops with several hosts do. */
let passOn: string | null = null
const elsewhere = createServer((request, response) => {
  if (passOn !== null && request.url?.startsWith('/shop/callback')) response.writeHead(302, { location: passOn }).end()
  else response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>${request.url}</title>`)
})
await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
const address = elsewhere.address()
const other = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`

const stage = await openStage(other)
const chromium = await openChromium()
afterAll(async () => {
  await chromium.close()
  await stage[Symbol.asyncDispose]()
  elsewhere.closeAllConnections()
  elsewhere.close()
})
beforeEach(() => {
  passOn = null
  Object.assign(stage.behind, {
    waiting: question(),
    down: [],
    fails: null,
    answers: [],
    decided: [],
    operations: [],
    started: [],
    confirm: null,
    joining: null,
    proofs: [],
  })
})

interface Reader {
  readonly scheme: 'light' | 'dark'
  readonly language: 'de' | 'en'
  readonly width: number
}
const phone: Reader = { scheme: 'light', language: 'en', width: 360 }

const startPasskey = {
  handle: 'h',
  options: '{"challenge":"AAAA","rp":{"name":"House"},"user":{"id":"AAAA","name":"a","displayName":"a"},"pubKeyCredParams":[]}',
}
const startTotp = {
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: 'otpauth://totp/House:anna.demo%40gmail.com?issuer=House&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
}
const newRecoveryCodes = Array.from({ length: 10 }, (_, n) => `7Q2M-4TXA-9KPW-0RV${n}`)

/** A fresh browser profile with scripts switched off. */
async function open(path: string, reader = phone): Promise<Page> {
  const context = await chromium.createBrowserContext()
  const page = await context.newPage()
  await page.setViewport({ width: reader.width, height: 740 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: reader.scheme }])
  await page.setExtraHTTPHeaders({ 'accept-language': reader.language })
  await page.setJavaScriptEnabled(false)
  await page.goto(stage.url + path)
  return page
}

async function openAccount(reader = phone): Promise<Page> {
  const page = await open('/account', reader)
  await page.goto(`${stage.url}/account/callback?code=good&state=${new URL(page.url()).searchParams.get('state')}`)
  return page
}

/** A page of the account centre that a form of it leads to; the API's answer is there for each time that the page is loaded. */
async function afterForm(reader: Reader, start: string, button: string, path: string, data: object): Promise<Page> {
  const page = await openAccount(reader)
  if (start !== '/account') await page.goto(stage.url + start)
  stage.behind.answers = [{ data }, { data }, { data }]
  await press(page, button, path)
  return page
}

async function inAccount(reader: Reader, path: string): Promise<Page> {
  const page = await openAccount(reader)
  await page.goto(stage.url + path)
  return page
}

const stepPages = {
  'passkey to be made': (reader: Reader) =>
    afterForm(reader, '/account', 'form[action="/account/passkeys/new"] button', '/account/passkeys/new', { startPasskey }),
  'authenticator app': (reader: Reader) =>
    afterForm(reader, '/account', 'form[action="/account/authenticator/new"] button', '/account/authenticator/new', { startTotp }),
  'before recovery codes': (reader: Reader) => inAccount(reader, '/account/recovery-codes'),
  'recovery codes': (reader: Reader) => afterForm(reader, '/account/recovery-codes', 'button.main', '/account/recovery-codes/new', { newRecoveryCodes }),
  'factor to be removed': (reader: Reader) => inAccount(reader, '/account/factors/remove?id=f1'),
  'device to be forgotten': (reader: Reader) => inAccount(reader, '/account/devices/forget?id=d1'),
  'login to be removed': (reader: Reader) => inAccount(reader, '/account/logins/remove?id=i1'),
  'login to be added': (reader: Reader) => inAccount(reader, '/account/logins/add?provider=haus'),
  'merge to be undone': (reader: Reader) => inAccount(reader, '/account/merge/undo?id=m1'),
  'merge to be made': (reader: Reader) => inAccount(reader, '/account/merge?proof=p'),
}

describe('axe finds nothing serious', () => {
  const readers: Reader[] = [phone, { scheme: 'dark', language: 'de', width: 1100 }]
  const pages = {
    login: (reader: Reader) => open('/login?uid=waiting-1', reader),
    denied: (reader: Reader) => open('/login/google/callback?code=LOGIN_DENIED', reader),
    'link required': (reader: Reader) => open('/login/google/callback?code=LINK_REQUIRED&ways=apple', reader),
    expired: (reader: Reader) => open('/login?uid=older', reader),
    consent: (reader: Reader) => {
      stage.behind.waiting = question({ prompt: 'consent', purposes: ['personalised_shop', 'email_marketing'] })
      return open('/consent?uid=waiting-1', reader)
    },
    'code by mail': (reader: Reader) => {
      stage.behind.joining = 'apple'
      return open('/login/code?uid=waiting-1', reader)
    },
    'code by mail, wrong': async (reader: Reader) => {
      const page = await open('/login/code?uid=waiting-1', reader)
      await page.type('input[name=code]', '00000000')
      await press(page, 'form[action="/login/code"] button', '/login/code')
      return page
    },
    confirm: (reader: Reader) => {
      const accepted = ['passkey', 'totp', 'recoveryCode', 'mailCode'] as const
      const passkey = { handle: 'h', options: { challenge: 'AAAA', rpId: '127.0.0.1', allowCredentials: [] } }
      Object.assign(stage.behind, { joining: 'apple', confirm: { accepted: [...accepted], reasons: ['newDevice'], passkey } })
      return open('/confirm?uid=waiting-1&sent=yes', reader)
    },
    'confirm at the account': async (reader: Reader) => {
      const page = await inAccount(reader, '/account/logins/remove?id=i1')
      const startStepUp = { accepted: ['totp', 'recoveryCode', 'mailCode'], reasons: ['factorEnrolled'], passkeyOptions: null, handle: null }
      const refusal = { errors: [{ extensions: { code: 'STEP_UP_REQUIRED', action: 'unlinkIdentity' } }] }
      stage.behind.answers = [refusal, { data: { startStepUp } }, refusal, { data: { startStepUp } }]
      await press(page, 'button.main', '/account/logins/remove')
      return page
    },
    account: openAccount,
    ...stepPages,
  }

  test.for(Object.keys(pages).flatMap((name) => readers.map((reader) => [name as keyof typeof pages, reader] as const)))(
    'on %s for %o',
    async ([name, reader]) => {
      stage.behind.down = ['facebook']
      const page = await pages[name](reader)
      const { serious, kept } = await examine(page)
      expect(kept).toBeGreaterThan(15)
      expect(serious).toEqual([])
      const wider = await page.$eval('html', (root) => root.scrollWidth > root.clientWidth)
      expect(wider).toBe(false)
      await page.browserContext().close()
    },
  )
})

describe('without scripts, in Chromium', () => {
  test('one press leads to the provider, and the way chosen is offered first the next time', async () => {
    const page = await open('/login?uid=waiting-1')
    await press(page, '::-p-text(Continue with Apple)', '/provider/apple')
    expect(page.url()).toBe(`${other}/provider/apple`)
    await page.goto(`${stage.url}/login?uid=waiting-1`)
    expect(await page.$eval('.ways a', (link) => link.innerText)).toContain('Continue with Apple')
    await page.browserContext().close()
  })

  test('going back to the shop is one press too', async () => {
    const page = await open('/login?uid=waiting-1')
    await press(page, 'form[action="/login/back"] button', '/shop/callback')
    expect(page.url()).toBe(`${other}/shop/callback?error=access_denied`)
    await page.browserContext().close()
  })

  test('a shop may pass its visitors on to another of its hosts', async () => {
    passOn = 'https://welcome.shop.example/'
    const page = await open('/login?uid=waiting-1')
    await page.setRequestInterception(true)
    page.on('request', (request) => {
      if (request.url() === passOn) void request.respond({ contentType: 'text/html', body: 'Hello' })
      else void request.continue()
    })
    await press(page, 'form[action="/login/back"] button', '/')
    expect(page.url()).toBe(passOn)
    await page.browserContext().close()
  })

  test.for(['yes', 'no'])('"%s" takes one choice and one press, and the keyboard alone', async (answer) => {
    stage.behind.waiting = question({ prompt: 'consent', purposes: ['personalised_shop'] })
    const page = await open('/consent?uid=waiting-1')
    await page.focus('input[type=radio]')
    await page.keyboard.press('Space')
    if (answer === 'no') await page.keyboard.press('ArrowDown')
    const arrived = new Promise<void>((resolve) =>
      page.on('framenavigated', (frame) => {
        if (frame.url().startsWith(other)) resolve()
      }),
    )
    await page.keyboard.press('Enter')
    await arrived
    expect(stage.behind.decided).toEqual([{ purpose: 'personalised_shop', granted: answer === 'yes', textVersion: '2026-01' }])
    await page.browserContext().close()
  })

  test('both answers are equally large', async () => {
    stage.behind.waiting = question({ prompt: 'consent', purposes: ['personalised_shop'] })
    const page = await open('/consent?uid=waiting-1')
    const sizes = await page.$$eval('.answer', (labels) => labels.map((label) => [label.getBoundingClientRect().width, label.getBoundingClientRect().height]))
    expect(sizes).toHaveLength(2)
    expect(sizes[0]).toEqual(sizes[1])
    await page.browserContext().close()
  })

  test('a decision in the account centre is one press in either direction', async () => {
    const page = await openAccount()
    stage.behind.operations = []
    stage.behind.answers = [{ data: {} }]
    await press(page, 'button[name=answer][value=no]', '/account')
    stage.behind.answers = [{ data: {} }]
    await press(page, 'button[name=answer][value=yes]', '/account')
    const decided = stage.behind.operations.flatMap(({ variables }) => variables['decisions'] ?? [])
    expect(decided).toMatchObject([
      { purpose: 'personalised_shop', granted: false },
      { purpose: 'personalised_shop', granted: true },
    ])
    await page.browserContext().close()
  })

  test('adding a login leads past our own form-action to where linking starts', async () => {
    const page = await openAccount()
    await press(page, 'a[href="/account/logins/add?provider=haus"]', '/account/logins/add')
    stage.behind.answers = [{ data: { startLinking: { url: `${other}/link` } } }]
    await press(page, 'button.main', '/link')
    expect(page.url()).toBe(`${other}/link`)
    await page.browserContext().close()
  })

  test.for(['account', ...Object.keys(stepPages)] as const)('the keyboard reaches all that can be pressed: %s', async (name) => {
    const page = await (name === 'account' ? openAccount() : stepPages[name as keyof typeof stepPages](phone))
    const pressable = 'a[href], button, select, summary, input:not([type=hidden])'
    const all = await page.$$eval(pressable, (found) => found.filter((one) => one.checkVisibility()).length)
    const reached = new Set<unknown>()
    for (let n = 0; n < all; n++) {
      await page.keyboard.press('Tab')
      reached.add(await page.evaluate('[...document.querySelectorAll("*")].indexOf(document.activeElement)'))
    }
    expect(all).toBeGreaterThan(1)
    expect(reached.size).toBe(all)
    await page.browserContext().close()
  })

  test('no page asks another host for anything', async () => {
    const page = await openAccount()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).origin))
    await page.reload()
    expect(new Set(asked)).toEqual(new Set([stage.url]))
    await page.browserContext().close()
  })

  test('H15 after signing out, going back shows nothing of the person', async () => {
    const page = await openAccount()
    expect(await page.content()).toContain('Lindner')
    await press(page, 'form[action="/account/sign-out"] button', '/account/signed-out')
    await page.goBack()
    expect(await page.content()).not.toMatch(/Lindner|anna\.demo/)
    await page.browserContext().close()
  })

  test('the choice of language stays', async () => {
    const page = await open('/login?uid=waiting-1')
    await press(page, 'a[hreflang=de]', '/login')
    await page.goto(`${stage.url}/login?uid=waiting-1`)
    expect(await page.$eval('html', (root) => root.lang)).toBe('de')
    await page.browserContext().close()
  })
})
