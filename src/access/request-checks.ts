import { errors, type KoaContextWithOIDC } from 'oidc-provider'

const longestState = 4_096
/** Seconds. The `jti` of an assertion is remembered until it ends. */
const longestAssertion = 3_600

/** The `provider` parameter of ours: which way in to take without asking. */
export function knownProvider(parts: { readonly knowsProvider: (id: string) => boolean }, id: string | undefined): void {
  if (id !== undefined && !parts.knowsProvider(id)) throw new errors.InvalidRequest('unknown provider')
}

export function boundedState(state: string | undefined): void {
  if (state !== undefined && state.length > longestState) throw new errors.InvalidRequest('state is too long')
}

/**
 * A code that comes another way than its client expects could be taken over by a script of the page (RFC 9700, 4.17), so the way is the
 * registered one whether the request names it or not, and the refusal of another goes that way too.
 */
export function registeredMode({ oidc }: KoaContextWithOIDC, asked: string | undefined, registered: 'query' | 'form_post'): void {
  if (oidc.params) oidc.params['response_mode'] = registered === 'query' ? undefined : registered
  if (asked !== undefined && asked !== registered) throw new errors.InvalidRequest(`response_mode must be ${registered}`)
}

/** RFC 7523, 3, and stricter: for us alone, and not for long. */
export function assertClientAssertion({ oidc }: KoaContextWithOIDC, claims: Readonly<Record<string, unknown>>, now: Date): void {
  if (typeof claims['aud'] !== 'string') throw new errors.InvalidClientAuth('audience of the client_assertion must be one string')
  if (typeof claims['exp'] !== 'number' || claims['exp'] - now.getTime() / 1000 > longestAssertion)
    throw new errors.InvalidClientAuth('the client_assertion lives too long')
  if (claims['sub'] !== oidc.client?.clientId) throw new errors.InvalidClientAuth('sub of the client_assertion must be the client')
}
