import type { IncomingMessage } from 'node:http'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { CookieKeys } from './openid-keys.ts'

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
export function separateLogins(provider: Provider, request: IncomingMessage, cookies: Cookies, keys: CookieKeys): void {
  const kinds = [provider.cookieName('interaction'), provider.cookieName('resume')]
  const sent = cookiesIn(request.headers.cookie)
  const write = cookies.set.bind(cookies)
  const set = (name: string, value: string | null, options: Parameters<Cookies['set']>[2]) => write(name, value, { ...options, path: '/', secure: true })
  const uid = () => askedFor.get(request) ?? /^\/auth\/([\w-]+)/.exec(request.url ?? '')?.[1]

  // Koa's own way makes an expression for each name, and keeps it: of names that are made by lot that is a leak.
  cookies.get = (kind, options) => {
    const name = kinds.includes(kind) ? `${kind}.${uid() ?? ''}` : kind
    const value = sent.get(name)
    if (options?.signed === false || value === undefined) return value
    return keys.verify(`${name}=${value}`, sent.get(`${name}.sig`) ?? '') ? value : undefined
  }
  cookies.set = (name, value, options) => {
    if (!kinds.includes(name)) return set(name, value ?? null, options)
    if (value) {
      for (const old of tooMany(sent, name)) set(old, null, options)
      return set(`${name}.${value}`, value, options)
    }
    for (const kind of kinds) set(`${kind}.${uid() ?? ''}`, null, options)
    return cookies
  }
}

/** By name; of one that comes twice the first. */
function cookiesIn(header = ''): ReadonlyMap<string, string> {
  const sent = new Map<string, string>()
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, at).trim()
    if (at > 0 && !sent.has(name)) sent.set(name, pair.slice(at + 1).trim())
  }
  return sent
}

/** Browsers send older cookies first. */
function tooMany(sent: ReadonlyMap<string, string>, kind: string): string[] {
  const own = [...sent.keys()].filter((name) => name.startsWith(`${kind}.`) && !name.endsWith('.sig'))
  return own.slice(0, Math.max(0, own.length - mostAtOnce + 1))
}
