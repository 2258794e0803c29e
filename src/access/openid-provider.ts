import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Provider, type KoaContextWithOIDC } from 'oidc-provider'
import { z } from 'zod'
import type { Client } from '../config/clients.ts'
import { EntenteError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { JobHandler } from '../jobs/worker.ts'
import type { CustomerKey } from '../operation.ts'
import type { KeyStore } from '../storage/keys.ts'
import { callers, type Callers } from './caller.ts'
import { endings, type Endings } from './endings.ts'
import { registerIdTokenGrant, type IdTokenGrantParts } from './id-token-grant.ts'
import { interactions, type Interactions } from './interactions.ts'
import { separateLogins } from './login-cookies.ts'
import { logoutTokens } from './logout-tokens.ts'
import { configurationOf, isOverloaded, type ConfigurationParts } from './openid-configuration.ts'
import { cookieKeys, type CookieKeys } from './openid-keys.ts'
import { endpointSteps, mount } from './openid-endpoints.ts'
import { claimsOfMarks } from './session-marks.ts'
import type { Operators } from './operators.ts'
import { slowGuessing, type SecretGuesses } from './secret-guesses.ts'
import { openSigningKeys, type KeySet, type SigningKeys } from './signing-keys.ts'
import { tokenDoor, type TokenDoor } from './token-door.ts'
import type { UserinfoParts } from './userinfo.ts'

export interface OpenIdParts extends Omit<ConfigurationParts, 'api' | 'cookieKeys'>, Omit<IdTokenGrantParts, 'api'>, Pick<UserinfoParts, 'claimsFor'> {
  /** Without a slash at the end: the only origin that URLs and cookies are made for. */
  readonly publicUrl: string
  readonly keys: KeyStore
  readonly secretGuesses: SecretGuesses
  readonly operators: Pick<Operators, 'asOfNow'>
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly alertAnswered: (customer: CustomerKey) => Promise<unknown>
  readonly clients: { find(id: string): Client | undefined }
}

export interface OpenIdProvider extends AsyncDisposable {
  /** For everything under `/oidc`, on a request whose body nobody has read. */
  readonly handler: (request: IncomingMessage, response: ServerResponse, address?: string) => void
  readonly interactions: Interactions
  readonly door: TokenDoor
  readonly callerOf: Callers['callerOf']
  readonly endings: Endings
  /** Works off jobs of the kind `logoutToken`. */
  readonly tellOfLogout: JobHandler
  readonly signingKeys: SigningKeys
  /** Looks for new signing keys now; otherwise once a minute. */
  readonly refreshKeys: () => Promise<void>
}

/** The OpenID provider at `/oidc`, its keys and the doors into it. The library instance is replaced when the keys change. */
export async function openOpenIdProvider(parts: OpenIdParts): Promise<OpenIdProvider> {
  const signingKeys = await openSigningKeys(parts.keys, parts.now)
  const issuer = parts.publicUrl + mount
  const api = `${parts.publicUrl}/graphql`
  const known = callers({ ...parts, issuer, api, keys: signingKeys })
  const configured = { ...parts, api, cookieKeys: cookieKeys((await parts.keys.obtain('cookies/1')).toString('base64url')) }
  const telling = logoutTokens({ jobs: parts.jobs, provider: () => provider, clientNotTold: (client) => parts.noticed({ type: 'client.not_told', client }) })
  const ends = endings({ ...parts, tellOfLogout: telling.put })

  let provider: Provider
  let serve: ReturnType<Provider['callback']>
  const build = (keys: KeySet): void => {
    provider = new HostProvider(parts.publicUrl, issuer, configurationOf(configured, keys), configured.cookieKeys)
    telling.takeOver(provider)
    registerIdTokenGrant(provider, configured)
    slowGuessing(provider, parts.secretGuesses, (client) => parts.noticed({ type: 'client.guessed', client }))
    for (const step of endpointSteps({ ...parts, callers: known, endGrant: ends.endGrant, endLeft: ends.endLeft, issuer })) provider.use(step)
    report(provider, parts)
    serve = provider.callback()
  }
  build(signingKeys.current())

  const refreshKeys = async (): Promise<void> => {
    if (await signingKeys.refresh()) build(signingKeys.current())
  }
  const timer = setInterval(() => void refreshKeys().catch((error: unknown) => parts.noticed({ type: 'failed', error })), 60_000).unref()

  const handler = (request: IncomingMessage, response: ServerResponse, address?: string): void => {
    if (address !== undefined) addresses.set(request, address)
    if (!request.url?.startsWith(`${mount}/`)) throw new EntenteError('INTERNAL_SERVER_ERROR', { mounted: mount })
    request.url = request.url.slice(mount.length)
    void serve(request, response)
  }
  return {
    handler,
    interactions: interactions({ ...parts, provider: () => provider }),
    door: tokenDoor({ ...parts, issuer, handler }),
    callerOf: known.callerOf,
    endings: ends,
    tellOfLogout: telling.deliver,
    signingKeys,
    refreshKeys,
    [Symbol.asyncDispose]: async () => clearInterval(timer),
  }
}

const always = (value: string | boolean) => ({ get: () => value })

/** Who sends a request, where the socket's own address is that of a proxy of ours or of nobody. */
const addresses = new WeakMap<IncomingMessage, string>()
const address = {
  get(this: { readonly req: IncomingMessage }) {
    return addresses.get(this.req) ?? this.req.socket.remoteAddress ?? ''
  },
}

const storedMarks = z.array(z.string())

/** ID tokens whose `acr` and `amr` are read off the marks that the library copies from the session to codes and refresh tokens. */
function sayingMarks(Library: Provider['IdToken']): Provider['IdToken'] {
  // Its name is how the library looks up how long it lives.
  return class IdToken extends Library {
    override async payload() {
      const { amr, ...said } = await super.payload()
      const marks = storedMarks.safeParse(amr)
      return marks.success ? { ...said, ...claimsOfMarks(marks.data, Date.now()) } : said
    }
  }
}

/** oidc-provider behind one public origin: what `Host` or `X-Forwarded-*` say changes no URL, and all cookies can bear `__Host-`. */
class HostProvider extends Provider {
  readonly #cookieKeys: CookieKeys

  constructor(publicUrl: string, issuer: string, configuration: ConstructorParameters<typeof Provider>[1], keys: CookieKeys) {
    super(issuer, configuration)
    this.#cookieKeys = keys
    const { protocol, host } = new URL(publicUrl)
    // Cookies are Secure on http://localhost too: browsers treat loopback as secure.
    Object.defineProperty(this, 'IdToken', { value: sayingMarks(this.IdToken) })
    Object.defineProperties(this.request, { protocol: always(protocol.slice(0, -1)), host: always(host), secure: always(true), ip: address })
  }

  override createContext<State>(request: IncomingMessage, response: ServerResponse) {
    const context = super.createContext<State>(request, response)
    separateLogins(this, request, context.cookies, this.#cookieKeys)
    return context
  }
}

function report(provider: Provider, { noticed }: OpenIdParts): void {
  // The library names a second use in words only; a test holds on to them.
  const reused = new Set(['refresh token already used', 'authorization code already consumed'])
  provider.on('grant.error', ({ oidc }: KoaContextWithOIDC, error) => {
    const client = oidc.client?.clientId ?? null
    if (reused.has(error.error_detail ?? '')) noticed({ type: 'token.reused', client, customer: oidc.entities.RefreshToken?.accountId ?? null })
    if (error.error === 'invalid_client') noticed({ type: 'client.refused', client })
  })
  provider.on('backchannel.error', (_ctx, _error, client) => noticed({ type: 'client.not_told', client: client.clientId }))
  provider.on('server_error', (ctx, error) => {
    noticed({ type: 'failed', error })
    if (!isOverloaded(error)) return
    ctx.status = error.status
    ctx.set('retry-after', String(error.hints.retryAfter))
  })
  // Without a listener Koa would print what failed, request and all.
  const koa: EventEmitter = provider
  koa.on('error', (error: unknown) => noticed({ type: 'failed', error }))
}
