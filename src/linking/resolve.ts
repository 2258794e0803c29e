import type { Connection } from 'mongoose'
import { randomBytes } from 'node:crypto'
import type { AuditEvent } from '../audit/event.ts'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import type { Risk } from '../config/step-up.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore, IdentitySummary } from '../storage/customers.ts'
import type { EmailStore } from '../storage/emails.ts'
import type { IdentityRow, IdentityStore } from '../storage/identities.ts'
import { applied } from '../storage/applied-update.ts'
import { inSharedTransaction } from '../storage/shared-transaction.ts'
import { inTransaction, isDuplicateKey, type Tx } from '../storage/transaction.ts'
import type { Claims } from './claims.ts'
import { decideLink, type LinkDecision, type LinkFacts } from './decide-link.ts'
import { endSessionsBefore } from './ended-sessions.ts'
import { newCustomer } from './new-customer.ts'
import { addressKey, identityKey, type LinkingKeys } from './keys.ts'
import { noteDevice, type SeenDevice, type TellNewDevice } from './note-device.ts'
import { profileFromClaims } from './profile-from-claims.ts'
import type { ProviderGrants } from './provider-grants.ts'
import { hasSecondFactor, waysOf } from './ways-in.ts'

export interface LinkingParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'insert' | 'update'>
  readonly identities: IdentityStore
  readonly emails: EmailStore
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly keys: LinkingKeys
  readonly grants: ProviderGrants
  readonly tellNewDevice: TellNewDevice
  readonly post: Pick<Post, 'toCustomer'>
  readonly jobs: Pick<JobQueue, 'put'>
}

/** Who signs in, for whom, and what was said before in the same browser. */
export interface SignIn {
  readonly claims: Claims
  readonly clientId: string
  /** The customer who asked to add this login; null for an ordinary sign-in. */
  readonly asking: CustomerKey | null
  /** A login that was refused with LINK_REQUIRED before, waiting for its owner to sign in the way known. */
  readonly waiting: Claims | null
  /** The browser that signs in; absent where there is none (a device's own dialog) or where none is signed in (linking). */
  readonly device?: SeenDevice
}

interface SignedIn {
  readonly do: 'signedIn'
  readonly customer: CustomerKey
  /** As this sign-in left it. */
  readonly row: CustomerRow
  readonly created: boolean
  readonly linked: boolean
  readonly device: string | null
  /** What makes it doubtful. */
  readonly risks: readonly Risk[]
  /** False while something waits for a second factor: a browser to note, a login to link. Then `settleSignIn` ends it. */
  readonly settled: boolean
  readonly at: Date
}

export type Resolution =
  | SignedIn
  | {
      readonly do: 'refused'
      readonly code: 'IDENTITY_TAKEN' | 'LINK_REQUIRED' | 'LOGIN_DENIED'
      /** LINK_REQUIRED: ids of providers, `passkey`, `mail`. */
      readonly waysKnown: readonly string[]
      /** Whose login was shown just now, where somebody else asked to add it. */
      readonly taken: CustomerKey | null
    }

/**
 * From an identity to a customer, in one transaction: facts and writes see one snapshot. Two first logins at the same instant end in one
 * customer, since `_id` of `identities` and `emails` is unique; the one that lost sees the other's rows when it runs again.
 */
export async function resolveSignIn(parts: LinkingParts, signIn: SignIn): Promise<Resolution> {
  const fresh = { customer: randomBytes(16).toString('base64url'), publicIds: [publicId(), publicId()] as const, at: new Date() }
  const about = identityKey(parts.keys, signIn.claims.issuer, signIn.claims.subject)
  // People who come back at the same moment are written together.
  const transaction = signIn.asking === null && signIn.waiting === null ? inSharedTransaction : inTransaction
  return withNewLogin(parts, { about, transaction }, async (tx) => {
    const first = await resolveOne(parts, tx, signIn, { ...fresh, publicId: fresh.publicIds[0] })
    if (first.do === 'refused' || signIn.waiting === null) return first
    const owner = await parts.customers.read(first.customer, tx)
    if (owner === null || hasSecondFactor(owner)) return { ...first, settled: false }
    const { waiting: claims, clientId } = signIn
    const linked = await linkWaiting(parts, tx, { claims, owner: first.customer, byMail: false, clientId, publicId: fresh.publicIds[1], at: fresh.at })
    const row = linked ? await parts.customers.read(first.customer, tx) : owner
    return { ...first, row: row ?? owner, linked: first.linked || linked }
  })
}

/** Two that link at the same instant: `_id` of `identities` and `emails` is unique, and the one that lost sees the other's rows when it runs again. */
export async function withNewLogin<T>(
  { db }: Pick<LinkingParts, 'db'>,
  { about, transaction = inTransaction }: { readonly about: string; readonly transaction?: typeof inTransaction },
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction(db, about, work)
    } catch (error) {
      if (!isDuplicateKey(error) || attempt === 5) throw error
    }
  }
}

/** What clients will call a login that is linked. */
export const publicId = (): string => randomBytes(12).toString('base64url')

export interface WaitingLink {
  readonly claims: Claims
  /** Who has shown to be the owner. */
  readonly owner: CustomerKey
  /** Whether by a code to the mailbox alone. */
  readonly byMail: boolean
  readonly clientId: string
  readonly publicId: string
  readonly at: Date
}

/**
 * Links a login that got LINK_REQUIRED to the owner who came for it, or leaves it: true when it was linked. LINK_REQUIRED when the address
 * is that owner's and the way was not good enough.
 */
export async function linkWaiting(parts: LinkingParts, tx: Tx, { claims, owner, byMail, clientId, publicId, at }: WaitingLink): Promise<boolean> {
  const keys = keysOf(parts, claims)
  const found = await gatherFacts(parts, tx, claims, keys, null, { owner, byMail })
  const { facts } = found
  const decision = decideLink(facts)
  if (decision.do === 'refuse' && decision.code === 'LINK_REQUIRED' && facts.addressOwner === owner) throw new EntenteError('LINK_REQUIRED')
  if (decision.do !== 'link' || decision.customer !== owner) return false
  await carryOut(parts, tx, decision, claims, keys, { customer: owner, publicId, at }, found, { clientId, seen: undefined })
  return true
}

interface Fresh {
  readonly customer: CustomerKey
  readonly publicId: string
  readonly at: Date
}

async function resolveOne(parts: LinkingParts, tx: Tx, { claims, asking, clientId, device: seen }: SignIn, fresh: Fresh): Promise<Resolution> {
  const keys = keysOf(parts, claims)
  const found = await gatherFacts(parts, tx, claims, keys, asking, null)
  const { facts, waysKnown } = found
  const decision = decideLink(facts)
  if (decision.do === 'refuse') {
    const { code } = decision
    // A login that its provider has shut proves nothing.
    const taken = code === 'IDENTITY_TAKEN' && !facts.identityShut ? facts.identityOwner : null
    return { do: 'refused', code, waysKnown: code === 'LINK_REQUIRED' ? waysKnown : [], taken }
  }
  const done = await carryOut(parts, tx, decision, claims, keys, fresh, found, { clientId, seen })
  return { do: 'signedIn', ...done, created: decision.do === 'create', linked: decision.do === 'link', at: fresh.at }
}

interface Keys {
  readonly identity: string
  readonly address: string | null
}

function keysOf(parts: LinkingParts, claims: Claims): Keys {
  const proven = claims.address !== undefined && claims.address.proof !== 'none'
  return {
    identity: identityKey(parts.keys, claims.issuer, claims.subject),
    address: proven && claims.address ? addressKey(parts.keys, claims.address.value) : null,
  }
}

interface Found {
  readonly facts: LinkFacts
  readonly identity: IdentityRow | null
  readonly waysKnown: readonly string[]
}

async function gatherFacts(
  parts: LinkingParts,
  tx: Tx,
  claims: Claims,
  keys: Keys,
  asking: CustomerKey | null,
  proved: Pick<WaitingLink, 'owner' | 'byMail'> | null,
): Promise<Found> {
  const identity = await parts.identities.read(keys.identity, tx)
  const address = keys.address === null ? null : await parts.emails.read(keys.address, tx)
  const owner = address === null ? null : await parts.customers.read(address.customer, tx)
  const facts: LinkFacts = {
    asking,
    identityOwner: identity?.customer ?? null,
    identityShut: identity?.state === 'blocked' || identity?.state === 'gone',
    addressOwner: address?.customer ?? null,
    proof: claims.address?.proof ?? 'none',
    ownerProof: address?.proof ?? null,
    ownerIsAnotherHere: owner?.identities.some((one) => one.provider === claims.provider) ?? false,
    provedOwner: proved?.owner ?? null,
    provedByMail: proved?.byMail ?? false,
  }
  return { facts, identity, waysKnown: owner === null ? [] : [...waysOf(owner), ...(facts.ownerIsAnotherHere ? [] : ['mail'])] }
}

async function carryOut(
  parts: LinkingParts,
  tx: Tx,
  decision: Exclude<LinkDecision, { do: 'refuse' }>,
  claims: Claims,
  keys: Keys,
  fresh: Fresh,
  { facts, identity }: Found,
  { clientId, seen }: { readonly clientId: string; readonly seen: SeenDevice | undefined },
): Promise<Pick<SignedIn, 'customer' | 'row' | 'device' | 'risks' | 'settled'>> {
  const key = decision.do === 'create' ? fresh.customer : decision.customer
  if (decision.do === 'create') await parts.customers.insert(tx, newCustomer(key, fresh.at))
  const row = await parts.customers.read(key, tx)
  if (row === null || row.state !== 'active') throw new EntenteError('LOGIN_DENIED', { why: 'customer is not active' })

  const summary = await writeIdentity(parts, tx, decision, claims, keys, fresh, { customer: key, before: identity })
  if (keys.address !== null) await writeAddress(parts, tx, claims, keys.address, facts, key, fresh.at)
  const head = await parts.audit.inCustomerChain(tx, key, row.audit, eventOf(decision, claims, clientId), fresh.at)
  // To the address as it was before: a login that should not be here does not choose who is told.
  if (decision.do === 'link')
    await parts.post.toCustomer(tx, row, { kind: 'identityLinked', facts: { provider: claims.provider }, id: `linked:${fresh.publicId}` })

  const profile = profileFromClaims(row, claims, fresh.at)
  const used = await noteDevice(parts, tx, row, seen, fresh.at)
  // Whoever was in before the address was anybody's is not known to be its owner.
  const isFirstProof = decision.do !== 'create' && facts.asking === null && isProvedNow(row, keys, facts)
  if (isFirstProof) await endSessionsBefore(parts.jobs, tx, key, fresh.at)
  const change = {
    $set: {
      ...(isFirstProof && { tokensValidFrom: fresh.at }),
      ...profile.$set,
      ...used.$set,
      audit: head,
      identities: withIdentity(row.identities, summary, keys.identity, fresh.at),
    },
  }
  await parts.customers.update(tx, key, change, 'active', row)
  return { customer: key, row: applied(row, change), device: used.device, risks: used.risks, settled: seen === undefined || used.noted }
}

const isProvedNow = ({ emailProof = 'none' }: CustomerRow, { address }: Keys, { addressOwner }: LinkFacts): boolean =>
  emailProof === 'none' && address !== null && addressOwner === null

async function writeIdentity(
  parts: LinkingParts,
  tx: Tx,
  decision: LinkDecision,
  claims: Claims,
  keys: Keys,
  fresh: Fresh,
  { customer, before }: { readonly customer: CustomerKey; readonly before: IdentityRow | null },
): Promise<IdentitySummary | null> {
  const kept = parts.grants.sealed(keys.identity, claims)
  if (decision.do === 'signIn') {
    // When it was used stands in the customer, whom every change of a login writes: two such transactions cannot both be committed.
    if (before?.state !== undefined || kept.grant !== undefined) await parts.identities.used(tx, keys.identity, kept)
    return null
  }
  const common = { provider: claims.provider, linkedAt: fresh.at }
  await parts.identities.insert(tx, { _id: keys.identity, customer, publicId: fresh.publicId, ...common, ...kept })
  return { id: fresh.publicId, key: keys.identity, ...common, lastUsedAt: fresh.at, ...(claims.address && { email: claims.address.value }) }
}

/** A free address becomes the customer's; a stronger proof of the own one is noted; another's is left alone. */
async function writeAddress(parts: LinkingParts, tx: Tx, claims: Claims, key: string, facts: LinkFacts, customer: CustomerKey, at: Date): Promise<void> {
  const proof = claims.address?.proof
  if (proof === undefined || proof === 'none') return
  if (facts.addressOwner === null) {
    await parts.emails.claim(tx, { _id: key, customer, proof, by: claims.provider, at })
  } else if (facts.addressOwner === customer && proof === 'authoritative' && facts.ownerProof === 'verified') {
    await parts.emails.strengthen(tx, key, customer, claims.provider, at)
  }
}

function withIdentity(known: readonly IdentitySummary[], added: IdentitySummary | null, key: string, at: Date): IdentitySummary[] {
  if (added !== null) return [...known, added]
  return known.map(({ state, ...one }) => (one.key === key ? { ...one, lastUsedAt: at } : { ...one, ...(state !== undefined && { state }) }))
}

function eventOf(decision: LinkDecision, claims: Claims, clientId: string): AuditEvent {
  const common = { client: clientId, actor: 'customer' as const }
  if (decision.do === 'create') return { ...common, type: 'customer.created', detail: { provider: claims.provider } }
  if (decision.do === 'link') return { ...common, type: 'identity.linked', detail: { provider: claims.provider, why: decision.why } }
  return { ...common, type: 'login.succeeded', detail: { provider: claims.provider } }
}
