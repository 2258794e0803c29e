import type { IncomingMessage } from 'node:http'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

type Cookies = KoaContextWithOIDC['cookies']

/** Logins that one browser may have under way at once; the oldest is given up for the next, and headers stay small. */
const mostAtOnce = 5
const askedFor = new WeakMap<IncomingMessage, string>()

/** Says which of the browser's logins a request of ours is about, before the library looks for its cookie. */
export function about(request: IncomingMessage, uid: string): IncomingMessage {
  askedFor.set(request, uid)
  return request
}

/**
 * Lets several logins go on in one browser, each in its tab. The library keeps one cookie of each kind under a path of the login's own;
 * `__Host-` allows no path, so here each login has a name of its own: `<name>.<uid>`. All cookies are Secure, on loopback too.
 */
export function separateLogins(provider: Provider, request: IncomingMessage, cookies: Cookies): void {
  const kinds = [provider.cookieName('interaction'), provider.cookieName('resume')]
  const get = cookies.get.bind(cookies)
  const write = cookies.set.bind(cookies)
  const set = (name: string, value: string | null, options: Parameters<Cookies['set']>[2]) => write(name, value, { ...options, path: '/', secure: true })
  const uid = () => askedFor.get(request) ?? /^\/auth\/([\w-]+)/.exec(request.url ?? '')?.[1]

  cookies.get = (name, options) => (kinds.includes(name) ? get(`${name}.${uid() ?? ''}`, options) : get(name, options))
  cookies.set = (name, value, options) => {
    if (!kinds.includes(name)) return set(name, value ?? null, options)
    if (value) {
      for (const old of tooMany(request, name)) set(old, null, options)
      return set(`${name}.${value}`, value, options)
    }
    for (const kind of kinds) set(`${kind}.${uid() ?? ''}`, null, options)
    return cookies
  }
}

/** Browsers send older cookies first. */
function tooMany(request: IncomingMessage, name: string): string[] {
  const names = (request.headers.cookie ?? '').split(/;\s*/).map((pair) => pair.slice(0, pair.indexOf('=')))
  const own = names.filter((one) => one.startsWith(`${name}.`) && !one.endsWith('.sig'))
  return own.slice(0, Math.max(0, own.length - mostAtOnce + 1))
}
