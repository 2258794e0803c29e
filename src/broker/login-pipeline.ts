import type { Risk } from '../config/step-up.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { SeenDevice } from '../linking/note-device.ts'
import type { MergeProofs } from '../linking/merge-proof.ts'
import type { Resolution, SignIn } from '../linking/resolve.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { LoginTransactions } from './login-transaction.ts'
import type { Callback, Claims, LoginGoal, LoginTransaction, Provider, ProviderId } from './provider.ts'
import type { WaitingLogins } from './waiting-login.ts'

/** The steps of a login, in order; the metrics count the same names. */
export const loginSteps = ['start', 'callback', 'claims', 'decision', 'customer', 'session'] as const
export type LoginStep = (typeof loginSteps)[number]

export interface LoginParts {
  readonly providers: ReadonlyMap<ProviderId, Provider>
  readonly transactions: LoginTransactions
  readonly waiting: WaitingLogins
  readonly mergeProofs: Pick<MergeProofs, 'give'>
  readonly resolve: (signIn: SignIn) => Promise<Resolution>
  /** Counts how far logins come. */
  readonly reached: (step: LoginStep, provider: ProviderId, outcome: string) => void
  readonly callbackUrl: (provider: ProviderId) => string
}

export interface LoginStart {
  readonly provider: ProviderId
  readonly goal: LoginGoal
  /** Who the browser is: the value of its binding cookie. */
  readonly browser: string
  readonly loginHint?: string
  readonly locale?: string
}

/** From a browser that wants in to the provider's own page. PROVIDER_UNKNOWN PROVIDER_UNAVAILABLE */
export async function startLogin(parts: LoginParts, start: LoginStart): Promise<URL> {
  const provider = parts.providers.get(start.provider)
  if (provider === undefined) throw new EntenteError('PROVIDER_UNKNOWN')
  if (!provider.available()) throw new EntenteError('PROVIDER_UNAVAILABLE', { provider: provider.id })
  const login = await parts.transactions.begin({ ...start, redirectUri: parts.callbackUrl(provider.id) })
  const url = await provider.authorizationUrl(login)
  parts.reached('start', provider.id, 'ok')
  return url
}

/** The browser that comes back from a provider: its binding secret, and what it is known by at the next sign-in. */
export interface Returning {
  readonly browser: string
  readonly device: SeenDevice
}

/** How a callback ended: with a customer for the waiting OpenID interaction, with a linked login, or with a refusal that has a page. */
export type FinishedLogin =
  | {
      readonly kind: 'signedIn'
      readonly interaction: string
      readonly customer: CustomerKey
      /** As the sign-in left it. */
      readonly row: CustomerRow
      readonly provider: ProviderId
      readonly device: string | null
      /** What makes it doubtful. */
      readonly risks: readonly Risk[]
      /** False while a second factor is to be proved first: then a browser is not noted yet, or a login not linked. */
      readonly settled: boolean
      /** When the customer was found. */
      readonly at: Date
    }
  | { readonly kind: 'linked'; readonly returnTo: string; readonly provider: ProviderId }
  | {
      readonly kind: 'refused'
      readonly error: EntenteError
      readonly goal: LoginGoal
      readonly waysKnown: readonly string[]
      /** For `mergeCustomer`, when somebody has shown a login of another account of theirs. */
      readonly mergeProof?: string
    }

/**
 * From the provider's answer to a customer. LOGIN_EXPIRED is thrown when the transaction is not this browser's, too old, or was taken
 * before: nothing is known then that a page could go on from. Every other failure is a refusal that names what the login was for.
 */
export async function finishLogin(
  parts: LoginParts,
  id: ProviderId,
  callback: Callback,
  { browser, device }: Returning,
  clientOf: (goal: LoginGoal) => Promise<string>,
): Promise<FinishedLogin> {
  const login = await takeTransaction(parts, id, callback, browser)
  try {
    const clientId = await clientOf(login.goal)
    const claims = await askProvider(parts, login, callback)
    const resolution = await decide(parts, login, claims, clientId, { browser, device })
    return await conclude(parts, login, claims, resolution, browser)
  } catch (error) {
    if (!(error instanceof EntenteError)) throw error
    parts.reached('claims', id, error.code)
    return { kind: 'refused', error, goal: login.goal, waysKnown: [] }
  }
}

async function takeTransaction(parts: LoginParts, id: ProviderId, callback: Callback, browser: string): Promise<LoginTransaction> {
  const state = callback.parameters['state']
  const login = state === undefined ? null : await parts.transactions.take(state, browser)
  // A transaction that comes back at another provider's address is spent: it was meant to mix the two up (RFC 9700, 4.4).
  if (login === null || login.provider !== id) {
    parts.reached('callback', id, 'LOGIN_EXPIRED')
    throw new EntenteError('LOGIN_EXPIRED', { provider: id })
  }
  parts.reached('callback', id, 'ok')
  return login
}

async function askProvider(parts: LoginParts, login: LoginTransaction, callback: Callback): Promise<Claims> {
  const provider = parts.providers.get(login.provider)
  if (provider === undefined) throw new EntenteError('PROVIDER_UNKNOWN')
  const claims = await provider.exchange(login, callback)
  parts.reached('claims', login.provider, 'ok')
  return claims
}

async function decide(parts: LoginParts, login: LoginTransaction, claims: Claims, clientId: string, { browser, device }: Returning): Promise<Resolution> {
  const asking = login.goal.kind === 'link' ? login.goal.customer : null
  const waiting = login.goal.kind === 'signIn' ? await parts.waiting.read(login.goal.interaction, browser) : null
  const resolution = await parts.resolve({ claims, clientId, asking, waiting, ...(asking === null && { device }) })
  parts.reached('decision', login.provider, resolution.do === 'refused' ? resolution.code : 'ok')
  return resolution
}

async function conclude(parts: LoginParts, login: LoginTransaction, claims: Claims, resolution: Resolution, browser: string): Promise<FinishedLogin> {
  const { goal, provider } = login
  if (resolution.do === 'refused') {
    if (goal.kind === 'signIn' && resolution.code === 'LINK_REQUIRED') await parts.waiting.keep(goal.interaction, browser, claims)
    const { code, waysKnown, taken } = resolution
    const refused = { kind: 'refused', error: new EntenteError(code, { provider }), goal, waysKnown } as const
    if (goal.kind !== 'link' || taken === null) return refused
    const { customer: survivor, grant, clientId } = goal
    return { ...refused, mergeProof: await parts.mergeProofs.give({ survivor, absorbed: taken, grant, clientId }) }
  }
  parts.reached('customer', provider, resolution.created ? 'created' : resolution.linked ? 'linked' : 'found')
  if (goal.kind === 'link') return { kind: 'linked', returnTo: goal.returnTo, provider }
  const { customer, row, device, risks, settled, at } = resolution
  return { kind: 'signedIn', interaction: goal.interaction, customer, row, provider, device, risks, settled, at }
}
