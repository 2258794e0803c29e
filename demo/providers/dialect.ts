import type { IncomingHttpHeaders } from 'node:http'
import type { KeyKind, KeyRing } from './keys.ts'
import type { Notice, NoticeFacts } from './notices.ts'
import type { Profile, ProviderName } from './people.ts'
import type { Claims, Endpoint, Switches } from './switches.ts'

/** One running provider, as its dialect sees it. `switches` and `now` are read anew for each request. */
export interface Simulation {
  readonly provider: ProviderName
  readonly url: string
  readonly switches: () => Switches
  /** Seconds since 1970 by the provider's own clock, which a switch can move. */
  readonly now: () => number
  readonly keys: KeyRing
}

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly body: string
  readonly headers: IncomingHttpHeaders
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export interface Route {
  readonly endpoint: Endpoint | 'page'
  readonly answer: (exchange: Exchange) => Reply | Promise<Reply>
}

/** What differs between providers: the kind of keys, and what they answer with once their address is known. */
export interface Dialect {
  readonly keys: KeyKind
  readonly open: (sim: Simulation) => Service
}

export interface Service {
  readonly routes: Readonly<Record<string, Route>> // by method and path, such as "POST /token"
  /** What stands in an ID token from a device's dialog, beyond the times and the audience. */
  readonly nativeClaims: (person: Profile, audience: string) => Claims
  /** What it tells relying parties of its own accord; not every provider does. */
  readonly notice?: (person: Profile, facts: NoticeFacts) => Notice
  /** Puts a path that holds a version or an id into the words of `routes`. */
  readonly routed?: (path: string) => string
}

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

export const redirect = (uri: string, members: Readonly<Record<string, string | undefined>>, fragment = ''): Reply => {
  const url = new URL(uri)
  for (const [name, value] of Object.entries(members)) if (value !== undefined) url.searchParams.append(name, value)
  return { status: 302, headers: { location: `${url.href}${fragment}`, 'cache-control': 'no-store' }, body: '' }
}
