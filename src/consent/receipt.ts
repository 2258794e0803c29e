import { builtInPurposes, dataSubjectAccess, type DataForm, type Policy } from '../config/policy.ts'
import type { Caller, Mask } from '../operation.ts'
import type { LedgerDecision, LedgerRow } from '../storage/consent-ledger.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Classification } from './classification.ts'
import { consentsOf, type Consent, type ConsentState } from './decisions.ts'
import { basisOf, type Form } from './gate.ts'
import { gateInPlace } from './reach.ts'

/** A field that a client may read, and in which form. */
export interface FieldAccess {
  readonly clientId: string
  /** By its place in the schema: `Customer.email`. */
  readonly field: string
  readonly form: DataForm
}

/** A client as far as a receipt speaks of it. */
export interface ReadingClient {
  readonly id: string
  readonly purposes: Mask
}

/** What was recorded at once, and the decisions in force on both sides of it. */
export interface Recorded {
  readonly entry: LedgerRow
  readonly row: CustomerRow
  readonly before: CustomerRow['decisions']
  readonly after: CustomerRow['decisions']
}

/** What clients are told of: whose decisions changed, when, about which purposes, and what is in force now. */
export interface ToldChange {
  readonly entry: { readonly at: Date; readonly decisions: readonly { readonly purpose: string }[] }
  readonly row: Pick<CustomerRow, '_id' | 'consentVersion'>
  readonly after: CustomerRow['decisions']
}

export interface Receipt {
  readonly id: string
  readonly decidedAt: Date
  readonly consents: readonly Consent[]
  readonly opened: readonly FieldAccess[]
  readonly closed: readonly FieldAccess[]
}

export interface ReceiptParts {
  readonly policy: Policy
  readonly classification: Classification
  readonly clients: () => Iterable<ReadingClient>
}

/**
 * The receipt for what was recorded. The person sees all of it. A client learns nothing about purposes beyond its token that it did not say
 * itself: those are told as if the decision had turned them round.
 */
export function receiptOf(recorded: Recorded, caller: Caller, parts: ReceiptParts): Receipt {
  const { entry, after } = recorded
  const bases = basesToTell(recorded, caller, parts.policy)
  const changes = [...parts.clients()].flatMap((client) => changesFor(client, bases, parts.classification))
  const decided = parts.policy.maskOf(entry.decisions.map(({ purpose }) => purpose))
  const consents = consentsOf(after, parts.policy, knownTo(caller) | decided, entry.at.getTime())
  return {
    id: entry.receipt,
    decidedAt: entry.at,
    consents: consents.map((consent) =>
      isKnown(consent.purpose, caller, parts.policy) ? consent : asIfNew({ ...consent, decidedAt: entry.at }, parts.policy),
    ),
    opened: changes.flatMap(({ opened }) => opened),
    closed: changes.flatMap(({ closed }) => closed),
  }
}

const knownTo = (caller: Caller): Mask => ((caller.purposes & dataSubjectAccess) !== 0 ? ~builtInPurposes : caller.purposes & ~builtInPurposes)

const isKnown = (purpose: string, caller: Caller, policy: Policy): boolean => (policy.maskOf([purpose]) & knownTo(caller)) !== 0

/** Whether there was a yes before a no is not for a client that does not act for the purpose. */
function asIfNew(consent: Consent, policy: Policy): Consent {
  if (consent.legalBasis !== 'CONSENT') return consent
  const isYes = consent.state === 'GRANTED' || consent.state === 'PENDING'
  if (!isYes) return { ...consent, state: 'REFUSED' }
  return policy.purpose(consent.purpose)?.confirm ? { ...consent, state: 'PENDING', expiresAt: null } : consent
}

function basesToTell({ entry, row, before, after }: Recorded, caller: Caller, policy: Policy): { readonly before: Mask; readonly after: Mask } {
  const known = knownTo(caller)
  const isPerson = (caller.purposes & dataSubjectAccess) !== 0
  const basis = (decisions: CustomerRow['decisions']) => basisOf({ ...row, decisions, restricted: isPerson && row.restricted }, policy, entry.at.getTime())
  if (isPerson) return { before: basis(before), after: basis(after) }
  const told = (wanted: (decision: LedgerDecision) => boolean) =>
    policy.maskOf(entry.decisions.filter((one) => wanted(one) && policy.purpose(one.purpose)?.confirm === null).map(({ purpose }) => purpose)) & ~known
  const open =
    known | policy.maskOf(policy.purposes.filter(({ legalBasis }) => legalBasis === 'CONTRACT' || legalBasis === 'LEGAL_OBLIGATION').map(({ id }) => id))
  return {
    before: (basis(before) & open) | told(({ state }) => state !== 'granted'),
    after: (basis(after) & open) | told(({ state }) => state === 'granted'),
  }
}

function changesFor(client: ReadingClient, { before, after }: { readonly before: Mask; readonly after: Mask }, classification: Classification) {
  const opened: FieldAccess[] = []
  const closed: FieldAccess[] = []
  // The same purposes open the same fields.
  if ((client.purposes & before) === (client.purposes & after)) return { opened, closed }
  const gate = gateInPlace(classification)
  for (const classified of classification.values()) {
    const { coordinate: field, masks } = classified
    const rank = (form: Form | 'withheld') => (form === 'withheld' ? Infinity : masks.widestFirst.findIndex((one) => one === form))
    const then = gate(classified, client.purposes & before)
    const now = gate(classified, client.purposes & after)
    if (now !== 'withheld' && rank(now) < rank(then)) opened.push({ clientId: client.id, field, form: now.form })
    if (then !== 'withheld' && rank(then) < rank(now)) closed.push({ clientId: client.id, field, form: then.form })
  }
  return { opened, closed }
}

/** The states as the W3C's DPV names them (guide "Consent records and receipts as per ISO/IEC TS 27560:2023"). */
export const statusNames: Readonly<Record<ConsentState, string>> = {
  NOT_ASKED: 'ConsentUnknown',
  GRANTED: 'ConsentGiven',
  REFUSED: 'ConsentRefused',
  WITHDRAWN: 'ConsentWithdrawn',
  OBJECTED: 'ConsentWithdrawn',
  PENDING: 'ConsentRequested',
  OUTDATED: 'ConsentUnknown',
  EXPIRED: 'ConsentExpired',
}

/** The receipt as claims for signing: which texts were agreed to, for what, with whom. Names follow ISO/IEC TS 27560 where it has one; `jti` is the receipt's id and
 * the record's: a number in the ledger would tell a client how often was decided. */
export function receiptClaims({ id, decidedAt, consents }: Receipt, entry: LedgerRow, subject: string, policy: Policy): Record<string, unknown> {
  const { name, contact, jurisdiction, storageLocations } = policy.controller
  const event_time = decidedAt.toISOString()
  return {
    jti: id,
    iat: Math.floor(decidedAt.getTime() / 1000),
    sub: subject,
    client_id: entry.surface,
    schema_version: '27560:2023',
    pii_principal_id: subject,
    service: name,
    withdrawal_method: { path: '/account#decisions' },
    privacy_rights: ['Informed', 'Access', 'Rectification', 'Erasure', 'Portability', 'Restrict Processing', 'Withdraw Consent', 'Object'],
    parties: [{ party_id: 'controller', party_name: name, party_contact: contact, party_role: 'controller' }],
    pii_controllers: [{ name, contact }],
    policy_version: policy.version,
    purposes: entry.decisions.map(({ purpose: purposeId, textVersion, textHash, locale }) => {
      const consent = consents.find((one) => one.purpose === purposeId)
      const purpose = policy.purpose(purposeId)
      return {
        purpose: purposeId,
        event_time,
        entity_id: subject,
        event_type: 'expressed',
        event_state: consent?.state,
        consent_status: consent && statusNames[consent.state],
        lawful_basis: purpose?.legalBasis,
        privacy_notice: { version: textVersion, sha256: textHash },
        language: locale,
        pii_information: purpose?.coverage.map(({ category, form }) => ({ category, form })),
        retention_period: purpose?.retention,
        storage_locations: storageLocations,
        jurisdiction,
        recipient_third_parties: purpose?.processors,
        validity: consent?.expiresAt?.toISOString(),
        validity_duration: purpose?.validity ?? undefined,
      }
    }),
  }
}
