import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'
import type { CustomerKey } from '../operation.ts'
import { purposesIn } from './scopes.ts'

export interface AskingParts {
  readonly policy: Policy
  readonly clients: { find(id: string): Client | undefined }
  /** Of these purposes, those with the basis consent that the customer has not answered as they are worded now. */
  readonly undecided: (customer: CustomerKey, purposes: readonly string[], client: Client) => Promise<readonly string[]>
}

const { Check, Prompt, base } = interactionPolicy

/**
 * When somebody is asked something on the way from `/oidc/auth` to a code: to sign in, or to decide about purposes. Scopes are no
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
  return [login, consent(parts)]
}

// The same words for each reason: `prompt=none` must not tell a shop whether this browser's person has an account (leak G13).
const signInFirst = 'End-User authentication is required'

/** Who presses another provider's button than the one they are signed in by means another login. */
function wantsOtherProvider({ oidc }: KoaContextWithOIDC): boolean {
  const wanted = oidc.params?.['provider']
  return wanted !== undefined && !oidc.result?.login && oidc.session?.amr?.[0] !== wanted
}

function consent(parts: AskingParts): interactionPolicy.Prompt {
  const ofInterest = new WeakMap<KoaContextWithOIDC, readonly string[]>()
  const undecided = new Check(
    'purposes_undecided',
    'a purpose has not been decided about',
    'consent_required',
    async (ctx) => {
      if (ctx.oidc.result?.consent) return false
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

async function purposesToAsk({ oidc }: KoaContextWithOIDC, parts: AskingParts): Promise<readonly string[]> {
  const client = oidc.client && parts.clients.find(oidc.client.clientId)
  const customer = oidc.account?.accountId
  if (client === undefined || customer === undefined) return []
  const wanted = purposesIn(oidc.requestParamScopes).filter((id) => parts.policy.purpose(id)?.legalBasis === 'CONSENT')
  if (wanted.length === 0 || oidc.prompts.has('consent')) return wanted
  return parts.undecided(customer, wanted, client)
}
