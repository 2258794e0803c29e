import { createHash, randomBytes } from 'node:crypto'

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface Form {
  readonly action: string
  readonly method: string
  readonly fields: Record<string, string>
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/**
 * A browser as far as logins need one: cookies per host (loopback counts as secure, as in Chromium), redirects, forms. It stops in front
 * of addresses that begin with one of `stopAt`, as nobody listens there.
 */
export class Browser {
  readonly #cookies = new Map<string, Map<string, Cookie>>()
  /** Every Set-Cookie line that came, for tests that read them. */
  readonly setCookies: string[] = []
  readonly visited: string[] = []

  constructor(readonly stopAt: string[]) {}

  cookie(host: string, name: string): string | undefined {
    return this.#cookies.get(host)?.get(name)?.value
  }

  setCookie(host: string, name: string, value: string): void {
    this.#jar(host).set(name, { name, value, path: '/' })
  }

  /** As the browser would send them to this address. */
  cookieHeaderFor(url: string): string {
    return this.#cookieHeader(new URL(url), false)
  }

  cookieNames(host: string): string[] {
    return [...(this.#cookies.get(host)?.keys() ?? [])]
  }

  async open(
    url: string,
    init: { readonly method?: string; readonly form?: Record<string, string>; readonly from?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<Page> {
    let target = new URL(url)
    let method = init.method ?? 'GET'
    let body = init.form === undefined ? undefined : new URLSearchParams(init.form).toString()
    let crossSitePost = method === 'POST' && init.from !== undefined && new URL(init.from).host !== target.host
    for (let hops = 0; hops < 30; hops++) {
      if (this.stopAt.some((stop) => target.href.startsWith(stop))) return { url: target.href, status: 0, headers: new Headers(), text: '' }
      const headers: Record<string, string> = { accept: 'text/html', 'accept-language': 'en', ...init.headers }
      const cookies = this.#cookieHeader(target, crossSitePost)
      if (cookies !== '') headers['cookie'] = cookies
      if (body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded'
      if (method === 'POST') headers['origin'] = init.from === undefined ? target.origin : new URL(init.from).origin
      this.visited.push(target.href)
      const response = await fetch(target, { method, headers, redirect: 'manual', ...(body !== undefined && { body }) })
      this.#keep(target, response.headers.getSetCookie())
      const location = response.headers.get('location')
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.arrayBuffer()
        target = new URL(location, target)
        if (response.status !== 307 && response.status !== 308) {
          method = 'GET'
          body = undefined
          crossSitePost = false
        }
        continue
      }
      return { url: target.href, status: response.status, headers: response.headers, text: await response.text() }
    }
    throw new Error('too many redirects')
  }

  /** Sends a form of the page, with some fields filled in; `button` is the submit button pressed (`name=value`). */
  submit(page: Page, fill: Record<string, string> = {}, which: (form: Form) => boolean = () => true): Promise<Page> {
    const form = formsOf(page).find(which)
    if (form === undefined) throw new Error(`no such form at ${page.url}`)
    const fields = { ...form.fields, ...fill }
    if (form.method === 'GET') return this.open(`${form.action}?${new URLSearchParams(fields)}`)
    return this.open(form.action, { method: 'POST', form: fields, from: page.url })
  }

  #jar(host: string): Map<string, Cookie> {
    const jar = this.#cookies.get(host) ?? new Map<string, Cookie>()
    this.#cookies.set(host, jar)
    return jar
  }

  #cookieHeader(url: URL, crossSitePost: boolean): string {
    // All our cookies are Lax or stricter: they do not travel with another site's POST.
    if (crossSitePost) return ''
    return [...this.#jar(url.host).values()]
      .filter((one) => url.pathname.startsWith(one.path))
      .map((one) => `${one.name}=${one.value}`)
      .join('; ')
  }

  #keep(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      this.setCookies.push(line)
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      const attribute = (wanted: string) => attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1)
      const ended = attribute('max-age') === '0' || (attribute('expires') !== undefined && new Date(attribute('expires') ?? 0).getTime() <= Date.now())
      if (ended || value === '') this.#jar(url.host).delete(name)
      else this.#jar(url.host).set(name, { name, value, path: attribute('path') ?? '/' })
    }
  }
}

export function formsOf(page: Page): Form[] {
  return [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, attributes = '', inside = '']) => {
    const fields: Record<string, string> = {}
    for (const [, input = ''] of inside.matchAll(/<input\b([^>]*)>/gi)) {
      const name = attribute(input, 'name')
      const type = attribute(input, 'type') ?? 'text'
      if (name === undefined || type === 'submit' || ((type === 'radio' || type === 'checkbox') && !/\bchecked\b/.test(input))) continue
      fields[name] = attribute(input, 'value') ?? ''
    }
    return { action: new URL(attribute(attributes, 'action') ?? '', page.url).href, method: (attribute(attributes, 'method') ?? 'get').toUpperCase(), fields }
  })
}

function attribute(text: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'i').exec(text)
  const value = found?.[1] ?? found?.[2]
  return value?.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

export interface Pkce {
  readonly verifier: string
  readonly challenge: string
}

export function newPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** Where the links of a page lead. */
export const linksOf = (page: Page): string[] =>
  [...page.text.matchAll(/<a\b([^>]*)>/gi)].flatMap(([, attributes = '']) => {
    const href = attribute(attributes, 'href')
    return href === undefined ? [] : [new URL(href, page.url).href]
  })

/** Picks a person on a simulated provider's page. */
export const pick = (browser: Browser, page: Page, person: string): Promise<Page> => browser.submit(page, { login_hint: person })
