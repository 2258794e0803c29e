import type { Policy } from '../config/policy.ts'
import { inForce } from '../consent/choices.ts'
import type { LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { merged, narrower, type Person } from './merge-algebra.ts'
import { isSame, joined, profileOf, saidIn, type Said, type SaidProfile } from './profile-by-source.ts'

type Decisions = CustomerRow['decisions']
type Decided = Pick<LedgerRow, 'decisions' | 'at'>

/** One of the two: what it had at the merge, and the providers of its logins then and after the undoing. */
export interface Side {
  readonly before: Person
  readonly providersBefore: ReadonlySet<string>
  readonly providersAfter: ReadonlySet<string>
}

export interface Joint {
  readonly survivor: Side
  readonly absorbed: Side
  /** What the survivor is now. */
  readonly now: Person
  /** What was decided since the merge, in order. */
  readonly since: readonly Decided[]
}

/**
 * Two records again: what each had, and what was decided since. A no said since holds for both, a yes for the survivor alone; so do values
 * that the customer, or a provider that stays, has said since. What a login brought goes when the login went.
 */
export function parted(joint: Joint, policy: Policy): { readonly survivor: Person; readonly absorbed: Person } {
  const { survivor, absorbed, now, since } = joint
  const then = merged(survivor.before, absorbed.before)
  return {
    survivor: {
      ...ownProfile(survivor, changedSince(survivor, then, now)),
      createdAt: survivor.before.createdAt,
      decisions: since.reduce<Decisions>((before, { decisions, at }) => inForce(before, decisions, at, policy), survivor.before.decisions),
      restricted: now.restricted === then.restricted ? survivor.before.restricted : now.restricted,
    },
    absorbed: {
      ...ownProfile(absorbed, absorbed.before),
      createdAt: absorbed.before.createdAt,
      decisions: since.reduce(withRefusals, absorbed.before.decisions),
      restricted: absorbed.before.restricted || (now.restricted && !then.restricted),
    },
  }
}

function withRefusals(before: Decisions, { decisions, at }: Decided): Decisions {
  const refusals = decisions.filter(({ state }) => state !== 'granted')
  return {
    ...before,
    ...Object.fromEntries(
      refusals.map(({ purpose, state, textVersion }) => {
        const said = { state, textVersion, at }
        return [purpose, narrower(before[purpose], said) ?? said] as const
      }),
    ),
  }
}

/** The survivor's own values, and over them what was said since by somebody who stays. */
function changedSince({ before, providersAfter }: Side, then: Person, now: Person): SaidProfile {
  const saidThen = saidIn(then)
  const stays = ({ source }: Said) => source?.from === 'customer' || (source !== undefined && providersAfter.has(source.from))
  return profileOf(
    joined(saidIn(before), saidIn(now), (own, present, path) => {
      const isNew = present !== undefined && !isSame(present, saidThen.get(path))
      return isNew && stays(present) ? present : own
    }),
  )
}

/** Without the values of providers whose logins were removed since. */
function ownProfile({ providersBefore, providersAfter }: Side, profile: SaidProfile): SaidProfile {
  const isGone = (from: string | undefined) => from !== undefined && providersBefore.has(from) && !providersAfter.has(from)
  return profileOf(joined(saidIn(profile), new Map(), (said) => (isGone(said?.source?.from) ? undefined : said)))
}
