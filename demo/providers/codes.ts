import { createHash, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Profile, ProviderName } from './people.ts'

/** What the person agreed to at the authorization endpoint. */
export interface Grant {
  readonly person: Profile
  readonly client: string
  readonly redirectUri: string
  readonly scope: readonly string[]
  readonly nonce?: string | undefined
  readonly challenge?: { readonly value: string; readonly method: string } | undefined
  readonly authTime: number
}

export type Found<T> = { readonly state: 'live'; readonly value: T } | { readonly state: 'unknown' | 'used' | 'expired' }

/** Opaque handles for grants. Bounded: the oldest are forgotten, so that a long bench does not grow the process. */
export interface Book<T> {
  put(handle: string, value: T, lifetimeSeconds: number): string
  read(handle: string | undefined): Found<T>
  /** Reads once; `again` makes the book forgetful. */
  take(handle: string | undefined, again?: boolean): Found<T>
  drop(matches: (value: T) => boolean): void
}

export function openBook<T>(now: () => number, capacity = 20_000): Book<T> {
  const entries = new Map<string, { readonly value: T; readonly expires: number; used: boolean }>()
  const read = (handle = ''): Found<T> => {
    const entry = entries.get(handle)
    if (entry === undefined) return { state: 'unknown' }
    if (entry.used) return { state: 'used' }
    return entry.expires < now() ? { state: 'expired' } : { state: 'live', value: entry.value }
  }
  return {
    put(handle, value, lifetimeSeconds) {
      const [oldest] = entries.size >= capacity ? entries.keys() : []
      if (oldest !== undefined) entries.delete(oldest)
      entries.set(handle, { value, expires: now() + lifetimeSeconds, used: false })
      return handle
    },
    read,
    take(handle = '', again = false) {
      const found = read(handle)
      const entry = entries.get(handle)
      if (entry !== undefined) entry.used = !again
      return found
    },
    drop(matches) {
      for (const [handle, { value }] of entries) if (matches(value)) entries.delete(handle)
    },
  }
}

export const randomText = (bytes = 32) => randomBytes(bytes).toString('base64url')

/** The challenge of a request; a method that is left out means plain (RFC 7636 4.3). */
export function challengeOf(query: URLSearchParams): Grant['challenge'] {
  const value = query.get('code_challenge')
  return value === null ? undefined : { value, method: query.get('code_challenge_method') ?? 'plain' }
}

/** Compares as RFC 7636 4.6 says. A verifier nobody asked for is refused as well: the challenge was stripped on the way. */
export function checkVerifier(challenge: Grant['challenge'], verifier: string | null): 'fits' | 'missing' | 'wrong' {
  if (challenge === undefined) return verifier === null ? 'fits' : 'wrong'
  if (verifier === null) return 'missing'
  const derived = challenge.method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
  return derived === challenge.value ? 'fits' : 'wrong'
}

/** Client id and secret from HTTP Basic (form-encoded, RFC 6749 2.3.1) or from the body. */
export function clientCredentials(form: URLSearchParams, { authorization }: IncomingHttpHeaders) {
  const [, basic] = /^Basic (.+)$/i.exec(authorization ?? '') ?? []
  if (basic === undefined) return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' }
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(formDecoded)
  return { id, secret }
}

/** The demo's registered redirect URIs: any loopback address, the provider's own callback path, nothing behind it. */
export const isRegistered = (uri: string | null, provider: ProviderName): uri is string => uri !== null && callbacks[provider].test(uri)

const callbackAt = (provider: string) =>
  new RegExp(`^https?://(localhost|[a-z0-9.-]+\\.localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d+)?/login/${provider}/callback$`)
const callbacks: Readonly<Record<ProviderName, RegExp>> = {
  google: callbackAt('google'),
  apple: callbackAt('apple'),
  facebook: callbackAt('facebook'),
  // Any number of configured providers may point here, and a Keycloak beside which the gateway is measured.
  haus: new RegExp(`${callbackAt('[a-z0-9-]+').source}|^http://localhost:\\d+/realms/bench/broker/haus/endpoint$`),
}

const formDecoded = (value: string) => new URLSearchParams(`v=${value}`).get('v') ?? ''
