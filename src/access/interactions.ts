import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type InteractionResults, type Provider } from 'oidc-provider'
import { z } from 'zod'
import type { Client } from '../config/clients.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { LoginFacts, StandingAfter } from './account.ts'
import { reasonsToConfirm, type AskedOfSignIn, type ConfirmReason } from './confirmation.ts'
import { about } from './login-cookies.ts'
import { acrs, readMarks, writeMarks, type Acr, type Amr, type SessionMarks } from './session-marks.ts'

/** What somebody is asked between `/oidc/auth` and the code for the shop. */
export interface PendingQuestion {
  readonly uid: string
  readonly prompt: 'login' | 'consent' | 'confirm'
  readonly client: Client
  readonly customer: CustomerKey | null
  /** How that customer signed in: the provider's id, `mail` or `passkey`. */
  readonly way: string | null
  /** To decide about now: purposes in the request with the basis consent. */
  readonly purposes: readonly string[]
  /** With the prompt `confirm`: why the person, who is signed in, is to prove a factor (or, where `signedIn` will do, to sign in again). */
  readonly confirm: ConfirmAsked | null
  /** The provider that the request names: no need to show the choice. */
  readonly provider: string | null
  readonly loginHint: string | null
  readonly locale: string | null
}

export interface ConfirmAsked {
  readonly reasons: readonly ConfirmReason[]
  readonly acr: readonly Acr[]
  /** Seconds. */
  readonly maxAge: number | null
}

/** Each acts on one interaction of the browser that sends the request, told by its cookie, and answers with the URL to go on to (303). */
export interface Interactions {
  /** Null: none, expired, or another browser's. */
  read(request: IncomingMessage, response: ServerResponse, uid: string): Promise<PendingQuestion | null>
  /** Whom the browser's session belongs to, when it still counts. */
  sessionCustomer(request: IncomingMessage, response: ServerResponse): Promise<CustomerKey | null>
  /** LOGIN_EXPIRED */
  signedIn(request: IncomingMessage, response: ServerResponse, uid: string, result: SignedIn): Promise<string>
  /** The signed-in person of the interaction has proved a factor, which the caller has checked. LOGIN_EXPIRED, also when the session ended meanwhile. */
  confirmed(request: IncomingMessage, response: ServerResponse, uid: string, proof: Confirmed): Promise<string>
  /** The consent page is done; what was decided stands in the customer. LOGIN_EXPIRED */
  answered(request: IncomingMessage, response: ServerResponse, uid: string): Promise<string>
  /** Back to the shop with an error. LOGIN_EXPIRED */
  aborted(request: IncomingMessage, response: ServerResponse, uid: string, error: AbortError, description: string): Promise<string>
}

export interface SignedIn {
  readonly customer: CustomerKey
  /** The provider's id, `mail` or `passkey`. */
  readonly way: string
  /** `Device.id`; null when the browser keeps no cookie. */
  readonly device: string | null
  readonly amr: readonly Amr[]
  readonly acr: Acr
  /** As the transaction says that let the person in, so that an ending after it is not overtaken. */
  readonly authTime: Date
}

export interface Confirmed {
  readonly amr: readonly Amr[]
  readonly acr: Acr
}

export type AbortError = 'access_denied' | 'server_error' | 'temporarily_unavailable' | 'unmet_authentication_requirements'

const asked = z.object({
  uid: z.string(),
  prompt: z.object({
    name: z.enum(['login', 'consent', 'confirm']),
    details: z.object({
      purposes: z.array(z.string()).default([]),
      confirm: z
        .custom<ConfirmAsked>((value) => typeof value === 'object')
        .nullable()
        .default(null),
    }),
  }),
  params: z.object({ client_id: z.string(), provider: z.string().optional(), login_hint: z.string().optional(), ui_locales: z.string().optional() }),
  session: z.object({ accountId: z.string(), amr: z.array(z.string()).default([]) }).optional(),
})

export interface InteractionParts {
  readonly provider: () => Provider
  readonly clients: { find(id: string): Client | undefined }
  readonly standingAfter: StandingAfter
  /** The customer has proved a factor: an alert is answered. */
  readonly alertAnswered: (customer: CustomerKey) => Promise<unknown>
}

export function interactions({ provider, clients, standingAfter, alertAnswered }: InteractionParts): Interactions {
  const read = readOnce(provider)

  async function finish({ request, response, uid }: At, result: InteractionResults, merge: boolean): Promise<string> {
    const interaction = await read(request, response, uid)
    if (interaction === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'interaction not found' })
    interaction.result = merge && !('error' in result) ? { ...interaction.lastSubmission, ...result } : result
    await interaction.persist()
    return interaction.returnTo
  }

  return {
    async read(request, response, wanted) {
      const found = await read(request, response, wanted)
      if (found === null) return null
      const { uid, prompt, params, session } = asked.parse({ ...found, uid: found.uid })
      const client = clients.find(params.client_id)
      if (client === undefined) return null
      return {
        uid,
        prompt: prompt.name,
        client,
        customer: session?.accountId ?? null,
        way: readMarks(session?.amr).way,
        purposes: prompt.details.purposes,
        confirm: prompt.details.confirm,
        provider: params.provider ?? null,
        loginHint: params.login_hint ?? null,
        locale: params.ui_locales?.split(' ')[0] ?? null,
      }
    },

    async sessionCustomer(request, response) {
      const { accountId, loginTs, amr } = await sessionOf(provider(), request, response)
      if (accountId === undefined) return null
      const marks = readMarks(amr)
      const standing = await standingAfter(accountId, loginFacts(marks, loginTs))
      // Between the way in and the factor that an alert asks for, nobody is signed in yet.
      return standing !== null && reasonsToConfirm(nothingAsked, marks, standing, Date.now()).length === 0 ? accountId : null
    },

    signedIn: (request, response, uid, { customer, way, device, amr, acr, authTime }) => {
      const at = authTime.getTime()
      const marks = { way, device, signedInAt: at, provedAt: acr === acrs.factor ? at : null, amr }
      return finish({ request, response, uid }, { login: { accountId: customer, ts: seconds(authTime), amr: writeMarks(marks) } }, false)
    },

    async confirmed(request, response, uid, { amr, acr }) {
      const found = await read(request, response, uid)
      const session = found === null ? undefined : asked.parse({ ...found, uid: found.uid }).session
      if (session === undefined) throw new EntenteError('LOGIN_EXPIRED', { why: 'nobody to confirm' })
      const before = readMarks(session.amr)
      // The moment of the sign-in stays: a factor brings no session back that has ended since.
      if ((await standingAfter(session.accountId, loginFacts(before, undefined))) === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'ended meanwhile' })
      const now = new Date()
      const marks = { ...before, amr: [...before.amr, ...amr], provedAt: acr === acrs.factor ? now.getTime() : before.provedAt }
      const url = await finish({ request, response, uid }, { login: { accountId: session.accountId, ts: seconds(now), amr: writeMarks(marks) } }, true)
      await alertAnswered(session.accountId)
      return url
    },

    answered: (request, response, uid) => finish({ request, response, uid }, { consent: {} }, true),
    aborted: (request, response, uid, error, description) => finish({ request, response, uid }, { error, error_description: description }, false),
  }
}

const nothingAsked: AskedOfSignIn = { acr: [], maxAge: null }

/** To the millisecond where the marks say it; a login from before there were marks is known by the second, and has all of that second. */
export const loginFacts = ({ way, signedInAt }: SessionMarks, loginTs: number | undefined): LoginFacts => ({
  way,
  at: signedInAt ?? (loginTs === undefined ? null : loginTs * 1000 + 999),
})

interface At {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly uid: string
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** Each is read once a request. Null: none, expired, another browser's, or of a session that has ended or changed hands. */
function readOnce(provider: () => Provider) {
  const known = new WeakMap<IncomingMessage, Interaction>()
  return async (request: IncomingMessage, response: ServerResponse, uid: string): Promise<Interaction | null> => {
    const before = known.get(request)
    if (before?.uid === uid) return before
    const found = await detailsOf(provider(), about(request, uid), response)
    if (found !== null) known.set(request, found)
    return found
  }
}

async function detailsOf(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<Interaction | null> {
  try {
    return await provider.interactionDetails(request, response)
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return withoutSession(provider, request, response)
    throw error
  }
}

/** A login that began in a session which has ended since goes on as one that began in none: by it nobody is in before a way in is shown. */
async function withoutSession(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const id = provider.createContext(request, response).cookies.get(provider.cookieName('interaction'), { signed: true })
  const found = id === undefined ? undefined : await provider.Interaction.find(id)
  if (found?.session === undefined || found.prompt.name !== 'login' || (await provider.Session.findByUid(found.session.uid)) !== undefined) return null
  delete found.session
  await found.save(found.exp - Math.floor(Date.now() / 1000))
  return found
}

const storedSession = z.object({ accountId: z.string().optional(), loginTs: z.number().optional(), amr: z.array(z.string()).optional() })

async function sessionOf(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<z.infer<typeof storedSession>> {
  const id = provider.createContext(request, response).cookies.get(provider.cookieName('session'), { signed: true })
  return storedSession.parse(id === undefined ? {} : { ...(await provider.Session.find(id)) })
}

/** Never in the future: a provider's clock may be ahead. */
const seconds = (time: Date): number => Math.floor(Math.min(time.getTime(), Date.now()) / 1000)
