import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'
import { beforeLoginCookie } from '../consent/before-login.ts'
import { carriesGpc } from '../consent/gpc.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import { standingOf } from './account.ts'
import { personAt } from './caller.ts'
import { reasonsToConfirm, type AskedOfSignIn, type ConfirmReason } from './confirmation.ts'
import type { ConfirmAsked } from './interactions.ts'
import { purposesIn } from './scopes.ts'
import { acrs, readMarks } from './session-marks.ts'

export interface AskingParts {
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
  /** Of these purposes, those with the basis consent that the customer has not answered as they are worded now. */
  readonly undecided: (customer: CustomerKey, purposes: readonly string[], client: Client) => Promise<readonly string[]>
  /** Hears what the browser says by itself, before anything is asked. */
  readonly hear: (browser: SignedInBrowser) => Promise<void>
}

/** The browser of a person who is signed in, on its way to a client. */
export interface SignedInBrowser {
  readonly caller: Caller
  readonly customer: CustomerKey
  /** Whether it sends Global Privacy Control. */
  readonly gpc: boolean
  /** What it kept of decisions before the sign-in, encrypted. */
  readonly kept: string | null
}

const { Check, Prompt, base } = interactionPolicy

/**
 * When somebody is asked something on the way from `/oidc/auth` to a code: to sign in, to prove a factor, or to decide about purposes. Scopes are no
 * question: they bound what a client may act for, and what it gets is decided by each purpose's legal basis at every read.
 */
export function asking(parts: AskingParts): interactionPolicy.Prompt[] {
  const login = base().get('login')
  if (login === undefined) throw new Error('oidc-provider has no login prompt')
  login.checks.add(new Check('unknown_account', signInFirst, 'login_required', ({ oidc }) => oidc.account === undefined))
  login.checks.add(new Check('other_provider', signInFirst, 'login_required', wantsOtherProvider))
  login.checks.add(
    new Check('stranger', signInFirst, 'login_required', ({ oidc }) => oidc.prompts.has('none') && oidc.grant !== undefined && oidc.grant.jti === undefined),
  )
  // Who has a factor proves it and is not sent to a provider again, which may let pass without a look (Google cannot be made to ask).
  login.checks.remove('max_age')
  login.checks.add(new Check('max_age', signInFirst, 'login_required', mustSignInAgain))
  return [login, confirm(), consent(parts)]
}

const known: ReadonlySet<string> = new Set(Object.values(acrs))
const isKnown = (value: string): value is AskedOfSignIn['acr'][number] => known.has(value)

/** Values of `acr_values` that are not known here are no wish that anybody could fulfil, and are passed over (Core 1.0, 3.1.2.1). */
function askedOf({ oidc }: KoaContextWithOIDC): AskedOfSignIn {
  const values = String(oidc.params?.['acr_values'] ?? '').split(' ')
  const maxAge = oidc.params?.['max_age']
  return { acr: values.filter(isKnown), maxAge: maxAge === undefined ? null : Number(maxAge) }
}

function mustSignInAgain({ oidc: { session, params, result, account } }: KoaContextWithOIDC): boolean {
  if (params?.['max_age'] === undefined || session === undefined || account === undefined || result?.login) return false
  return session.past(Number(params['max_age'])) && !standingOf(account).hasFactor
}

function confirm(): interactionPolicy.Prompt {
  const why = new WeakMap<KoaContextWithOIDC, readonly ConfirmReason[]>()
  const lacking = new Check(
    'factor_lacking',
    signInFirst,
    'login_required',
    (ctx) => {
      const { account, session, result } = ctx.oidc
      if (account === undefined || session === undefined) return false
      const asked = askedOf(ctx)
      // One sign-in answers `max_age`, also where it is 0.
      const wanted = result?.login ? { ...asked, maxAge: null } : asked
      const reasons = reasonsToConfirm(wanted, readMarks(session.amr), standingOf(account), Date.now())
      why.set(ctx, reasons)
      return reasons.length > 0
    },
    (ctx) => ({ confirm: { ...askedOf(ctx), reasons: why.get(ctx) ?? [] } satisfies ConfirmAsked }),
  )
  return new Prompt({ name: 'confirm', requestable: false }, lacking)
}

// The same words for each reason: `prompt=none` must not tell a shop whether this browser's person has an account (leak G13).
const signInFirst = 'End-User authentication is required'

/** Who presses another provider's button than the one they are signed in by means another login. */
function wantsOtherProvider({ oidc }: KoaContextWithOIDC): boolean {
  const wanted = oidc.params?.['provider']
  return wanted !== undefined && !oidc.result?.login && readMarks(oidc.session?.amr).way !== wanted
}

function consent(parts: AskingParts): interactionPolicy.Prompt {
  const ofInterest = new WeakMap<KoaContextWithOIDC, readonly string[]>()
  const undecided = new Check(
    'purposes_undecided',
    'a purpose has not been decided about',
    'consent_required',
    async (ctx) => {
      if (ctx.oidc.result?.consent) return false
      await hearBrowser(ctx, parts)
      const purposes = await purposesToAsk(ctx, parts)
      ofInterest.set(ctx, purposes)
      return purposes.length > 0
    },
    (ctx) => ({ purposes: ofInterest.get(ctx) }),
  )
  const prompt = new Prompt({ name: 'consent', requestable: true }, undecided)
  // `prompt=consent` asks again, but not when there is nothing to ask.
  prompt.checks.remove('consent_prompt')
  return prompt
}

async function hearBrowser(ctx: KoaContextWithOIDC, parts: AskingParts): Promise<void> {
  const client = ctx.oidc.client && parts.clients.find(ctx.oidc.client.clientId)
  const customer = ctx.oidc.account?.accountId
  const kept = ctx.cookies.get(beforeLoginCookie, { signed: false }) ?? null
  const gpc = carriesGpc(ctx.req.headers['sec-gpc'])
  if (client === undefined || customer === undefined || (!gpc && kept === null)) return
  await parts.hear({ caller: personAt(client, customer), customer, gpc, kept })
  if (kept !== null) ctx.cookies.set(beforeLoginCookie, null, { path: '/', secure: true, httpOnly: true, sameSite: 'lax', signed: false })
}

async function purposesToAsk({ oidc }: KoaContextWithOIDC, parts: AskingParts): Promise<readonly string[]> {
  const client = oidc.client && parts.clients.find(oidc.client.clientId)
  const customer = oidc.account?.accountId
  if (client === undefined || customer === undefined) return []
  const wanted = purposesIn(oidc.requestParamScopes).filter((id) => parts.policy.purpose(id)?.legalBasis === 'CONSENT')
  if (wanted.length === 0 || oidc.prompts.has('consent')) return wanted
  return parts.undecided(customer, wanted, client)
}
