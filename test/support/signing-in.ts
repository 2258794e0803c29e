import { Secret, TOTP } from 'otpauth'
import { newPkce, type Browser, type Page } from './browser.ts'
import { Authenticator } from './authenticator.ts'
import { onward, redirectUri, type Shop } from './shop.ts'

/** A browser on its way into a shop: the page it is at, and what redeems the code that comes of it. */
export interface OnTheWay {
  readonly browser: Browser
  readonly page: Page
  readonly verifier: string
  readonly client: string
}

/** A shop sends somebody to sign in, without naming a provider. */
export async function atChoice(
  shop: Shop,
  {
    browser = shop.newBrowser(),
    client = 'account',
    ...more
  }: { readonly browser?: Browser; readonly client?: string; readonly [parameter: string]: unknown } = {},
): Promise<OnTheWay> {
  const { challenge, verifier } = newPkce()
  const query = new URLSearchParams({
    client_id: client,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: client === 'account' ? 'openid purpose:data_subject_access' : 'openid',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...(more as Record<string, string>),
  })
  return { browser, client, verifier, page: await browser.open(`${shop.url}/oidc/auth?${query}`) }
}

/** Asks for a code at the page with the ways in, and gets to the page that takes it. */
export const askForCode = ({ browser, page }: OnTheWay, address: string): Promise<Page> =>
  browser.submit(page, { address }, (form) => form.action.endsWith('/login/mail'))

export const giveCode = async (browser: Browser, page: Page, code: string): Promise<Page> =>
  onward(browser, await browser.submit(page, { code, kind: 'mailCode' }, (form) => form.action.endsWith('/login/code')), {})

/** From the page with the ways in to the end, by a code that is read in the mailbox. */
export async function byMail(shop: Shop, way: OnTheWay, address: string): Promise<Page> {
  const page = await askForCode(way, address)
  return giveCode(way.browser, page, await codeSentTo(shop, address))
}

/** The newest code; a code that was read before does not count. */
export async function codeSentTo(shop: Shop, address: string): Promise<string> {
  const mail = await shop.mailFor(address, /\d{4}[ -]?\d{4}/)
  const code = /\b(\d{4})[ -]?(\d{4})\b/.exec(mail.text)?.slice(1).join('') ?? ''
  return code
}

/** Shows a proof at `/confirm`. */
export const confirmWith = async (browser: Browser, page: Page, kind: string, code: string): Promise<Page> =>
  onward(browser, await browser.submit(page, { code, kind }, (form) => form.action.endsWith('/confirm')), {})

export const codeIn = (page: Page): string | null => (page.url.startsWith(redirectUri) ? new URL(page.url).searchParams.get('code') : null)

export async function redeem(shop: Shop, { client, verifier }: OnTheWay, page: Page): Promise<{ readonly accessToken: string; readonly idToken: string }> {
  const input = { clientId: client, code: codeIn(page), codeVerifier: verifier, redirectUri }
  const query = 'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken idToken } }'
  const { data, errors } = await shop.graphql(query, { input })
  if (errors) throw new Error(`${page.url} ${/[A-Z]+_[A-Z_]+/.exec(page.text)?.[0] ?? ''}: ${JSON.stringify(errors)}`)
  return data.completeLogin
}

export const idOf = async (shop: Shop, accessToken: string): Promise<string> => (await shop.graphql('{ me { id } }', {}, accessToken)).data.me.id

/** The same device, without its sessions. */
export function knownAgain(shop: Shop, browser: Browser): Browser {
  const again = shop.newBrowser()
  const { host } = new URL(shop.url)
  again.setCookie(host, '__Host-entente-device', browser.cookie(host, '__Host-entente-device') ?? '')
  return again
}

/** An app that makes codes, each of another time step, so that none is used twice. */
export class App {
  #step = -1

  constructor(readonly secret: string) {}

  next(): string {
    return new TOTP({ secret: Secret.fromBase32(this.secret) }).generate({ timestamp: Date.now() + this.#step++ * 30_000 })
  }
}

export async function withTotp(shop: Shop, accessToken: string): Promise<App> {
  const { data } = await shop.graphql('mutation { startTotp { secret } }', {}, accessToken)
  const app = new App(data.startTotp.secret)
  const done = await shop.graphql('mutation ($code: String!) { confirmTotp(code: $code) }', { code: app.next() }, accessToken)
  if (done.errors) throw new Error(JSON.stringify(done.errors))
  return app
}

export async function withPasskey(shop: Shop, accessToken: string): Promise<Authenticator> {
  const { data } = await shop.graphql('mutation { startPasskey { handle options } }', {}, accessToken)
  const { handle, options } = data.startPasskey as { handle: string; options: string }
  const key = new Authenticator(shop.url)
  const input = { handle, name: 'Phone', response: JSON.stringify(key.make({ handle, options: JSON.parse(options) as object }).response) }
  const done = await shop.graphql('mutation ($input: NewPasskeyInput!) { addPasskey(input: $input) }', { input }, accessToken)
  if (done.errors) throw new Error(JSON.stringify(done.errors))
  return key
}

/** What our script does on a page that takes a passkey. */
export async function usePasskey(browser: Browser, page: Page, key: Authenticator, odd: Parameters<Authenticator['answer']>[1] = {}): Promise<Page> {
  const options = /data-options="([^"]*)"/.exec(page.text)?.[1]?.replaceAll('&quot;', '"')
  if (options === undefined) throw new Error(`no passkey is asked for at ${page.url}`)
  const { response } = key.answer({ handle: '', options: JSON.parse(options) as object }, odd)
  return onward(browser, await browser.submit(page, { response: JSON.stringify(response) }, (form) => form.fields['kind'] === 'passkey'), {})
}
