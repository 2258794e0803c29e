import type { LetterToCustomer } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore, IdentitySummary } from '../storage/customers.ts'
import type { IdentityRow } from '../storage/identities.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import { decideEvent, type EventEffect, type ProviderEvent } from './decide-provider-event.ts'
import { identityKey } from './keys.ts'
import type { LinkingParts } from './resolve.ts'
import { broughtBy } from './unlink.ts'

export interface ProviderEventParts extends Pick<LinkingParts, 'db' | 'identities' | 'audit' | 'keys'> {
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  /** Tells the person, when the transaction is committed. */
  readonly tell: (tx: Tx, row: CustomerRow, letter: LetterToCustomer) => Promise<void>
  /** Ends what was begun with a provider's login: sessions, codes, tokens. Safe to repeat. */
  readonly endWay: (customer: CustomerKey, provider: string) => Promise<void>
}

/** Carries out what a provider told: first what is written, in one transaction, then what ends. Doing it twice is like doing it once. An identity that nobody has is passed over. */
export function hearProvider(parts: ProviderEventParts) {
  return async (event: ProviderEvent): Promise<void> => {
    if (event.identity === null) return
    const key = identityKey(parts.keys, event.identity.issuer, event.identity.subject)
    const heard = await inTransaction(parts.db, key, (tx) => hear(parts, tx, key, event))
    if (heard?.effect.endSessions === true) await parts.endWay(heard.customer, event.provider)
  }
}

async function hear(
  parts: ProviderEventParts,
  tx: Tx,
  key: string,
  event: ProviderEvent,
): Promise<{ readonly customer: CustomerKey; readonly effect: EventEffect } | null> {
  const identity = await parts.identities.read(key, tx)
  if (identity === null) return null
  const { customer } = identity
  const effect = decideEvent(event, { state: identity.state ?? 'active', since: identity.stateAt ?? null, addressSince: identity.addressAt ?? null })
  const row = await parts.customers.read(customer, tx)
  if (row === null || row.state !== 'active' || identity.heard?.includes(event.id) === true) return { customer, effect }
  // After the read: a login that is not in it yet comes later than this, or this transaction is repeated.
  const at = new Date()
  await parts.identities.heard(tx, key, event.id, {
    ...(effect.state !== undefined && { state: effect.state, stateAt: event.at }),
    ...(effect.deliverable !== undefined && { addressAt: event.at }),
  })
  const said = { type: 'provider.event', client: null, actor: 'provider', detail: { provider: event.provider, kind: event.kind } } as const
  const audit = await parts.audit.inCustomerChain(tx, customer, row.audit, said, at)
  const gone = effect.forget === true ? broughtBy(row, event.provider) : {}
  await parts.customers.update(tx, customer, {
    $set: { ...changeOf(row, identity, effect, at), audit },
    ...(Object.keys(gone).length > 0 && { $unset: gone }),
  })
  const why = lostWhy(effect)
  if (why !== null) await parts.tell(tx, row, { kind: 'providerLost', facts: { provider: event.provider, why }, id: `${event.provider}:${event.id}` })
  return { customer, effect }
}

function changeOf(row: CustomerRow, identity: IdentityRow, effect: EventEffect, at: Date): Record<string, unknown> {
  const { state, alert, deliverable, endSessions } = effect
  // Also where the person has written the same address themselves since.
  const isTheirs = row.sources['email']?.from === identity.provider || row.identities.some(({ key, email }) => key === identity._id && email === row.email)
  return {
    ...((state !== undefined || endSessions) && {
      identities: row.identities.map((one) => (one.key === identity._id ? { ...withState(one, state), ...(endSessions && { endedAt: at }) } : one)),
    }),
    ...(alert === true && { alert: { since: at, why: 'providerEvent' } }),
    ...(deliverable !== undefined && isTheirs && { emailUndeliverable: !deliverable }),
  }
}

function withState({ state: before, ...one }: IdentitySummary, state = before): IdentitySummary {
  return state === undefined || state === 'active' ? one : { ...one, state }
}

function lostWhy({ state, deliverable }: EventEffect): 'revoked' | 'disabled' | 'deleted' | 'addressOff' | null {
  if (deliverable === false) return 'addressOff'
  if (state === 'revoked') return 'revoked'
  if (state === 'blocked') return 'disabled'
  return state === 'gone' ? 'deleted' : null
}
