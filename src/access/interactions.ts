import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type InteractionResults, type Provider } from 'oidc-provider'
import { z } from 'zod'
import type { Client } from '../config/clients.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import { about } from './login-cookies.ts'

/** What somebody is asked between `/oidc/auth` and the code for the shop. */
export interface PendingQuestion {
  readonly uid: string
  readonly prompt: 'login' | 'consent'
  readonly client: Client
  readonly customer: CustomerKey | null
  /** To decide about now: purposes in the request with the basis consent. */
  readonly purposes: readonly string[]
  /** The provider that the request names: no need to show the choice. */
  readonly provider: string | null
  readonly loginHint: string | null
  readonly locale: string | null
}

/** Each acts on one interaction of the browser that sends the request, told by its cookie, and answers with the URL to go on to (303). */
export interface Interactions {
  /** Null: none, expired, or another browser's. */
  read(request: IncomingMessage, response: ServerResponse, uid: string): Promise<PendingQuestion | null>
  /** Whom the browser's session belongs to, when it still counts. */
  sessionCustomer(request: IncomingMessage, response: ServerResponse): Promise<CustomerKey | null>
  /** LOGIN_EXPIRED */
  signedIn(request: IncomingMessage, response: ServerResponse, uid: string, result: SignedIn): Promise<string>
  /** The consent page is done; what was decided stands in the customer. LOGIN_EXPIRED */
  answered(request: IncomingMessage, response: ServerResponse, uid: string): Promise<string>
  /** Back to the shop with an error. LOGIN_EXPIRED */
  aborted(request: IncomingMessage, response: ServerResponse, uid: string, error: AbortError, description: string): Promise<string>
}

export interface SignedIn {
  readonly customer: CustomerKey
  readonly provider: string
  readonly authTime: Date
}

export type AbortError = 'access_denied' | 'server_error' | 'temporarily_unavailable'

const asked = z.object({
  uid: z.string(),
  prompt: z.object({ name: z.enum(['login', 'consent']), details: z.object({ purposes: z.array(z.string()).default([]) }) }),
  params: z.object({ client_id: z.string(), provider: z.string().optional(), login_hint: z.string().optional(), ui_locales: z.string().optional() }),
  session: z.object({ accountId: z.string() }).optional(),
})

export interface InteractionParts {
  readonly provider: () => Provider
  readonly clients: { find(id: string): Client | undefined }
  readonly accountExists: (customer: CustomerKey, loggedInAt: number | null) => Promise<boolean>
}

export function interactions({ provider, clients, accountExists }: InteractionParts): Interactions {
  async function finish(request: IncomingMessage, response: ServerResponse, result: InteractionResults, merge: boolean): Promise<string> {
    try {
      return await provider().interactionResult(request, response, result, { mergeWithLastSubmission: merge })
    } catch (error) {
      if (error instanceof errors.OIDCProviderError) throw new EntenteError('LOGIN_EXPIRED', { why: error.error_description }, {}, error)
      throw error
    }
  }

  return {
    async read(request, response, wanted) {
      const found = await detailsOf(provider(), about(request, wanted), response)
      if (found === null) return null
      const { uid, prompt, params, session } = asked.parse({ ...found, uid: found.uid })
      const client = clients.find(params.client_id)
      if (client === undefined) return null
      return {
        uid,
        prompt: prompt.name,
        client,
        customer: session?.accountId ?? null,
        purposes: prompt.details.purposes,
        provider: params.provider ?? null,
        loginHint: params.login_hint ?? null,
        locale: params.ui_locales?.split(' ')[0] ?? null,
      }
    },

    async sessionCustomer(request, response) {
      const { accountId, loginTs } = await sessionOf(provider(), request, response)
      return accountId !== undefined && (await accountExists(accountId, loginTs === undefined ? null : endOfSecond(loginTs))) ? accountId : null
    },

    // The provider's name stays in the session (`amr`) and goes into no token: with which account one signs in is no shop's business.
    signedIn: (request, response, uid, { customer, provider: through, authTime }) =>
      finish(about(request, uid), response, { login: { accountId: customer, ts: seconds(authTime), amr: [through] } }, false),
    answered: (request, response, uid) => finish(about(request, uid), response, { consent: {} }, true),
    aborted: (request, response, uid, error, description) => finish(about(request, uid), response, { error, error_description: description }, false),
  }
}

async function detailsOf(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  try {
    return await provider.interactionDetails(request, response)
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return null
    throw error
  }
}

const storedSession = z.object({ accountId: z.string().optional(), loginTs: z.number().optional() })

async function sessionOf(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<z.infer<typeof storedSession>> {
  const id = provider.createContext(request, response).cookies.get(provider.cookieName('session'), { signed: true })
  return storedSession.parse(id === undefined ? {} : { ...(await provider.Session.find(id)) })
}

/** Logins are known by the second. A sign-out everywhere in the same second has destroyed sessions and grants itself. */
export const endOfSecond = (second: number): number => second * 1000 + 999

/** Never in the future: a provider's clock may be ahead. */
const seconds = (time: Date): number => Math.floor(Math.min(time.getTime(), Date.now()) / 1000)
