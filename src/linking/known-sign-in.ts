import type { Risk } from '../config/step-up.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import type { Claims } from './claims.ts'
import { endSessionsBefore } from './ended-sessions.ts'
import { noteDevice, type SeenDevice } from './note-device.ts'
import { linkWaiting, publicId, withNewLogin, type LinkingParts } from './resolve.ts'
import { hasSecondFactor } from './ways-in.ts'

export interface KnownSignIn {
  readonly customer: CustomerKey
  readonly way: 'mail' | 'passkey'
  readonly clientId: string
  readonly device: SeenDevice
  /** A login that was refused with LINK_REQUIRED before, waiting for its owner. */
  readonly waiting: Claims | null
}

export interface KnownSignedIn {
  readonly device: string | null
  /** What makes it doubtful. */
  readonly risks: readonly Risk[]
  /** False while something waits for a second factor; then `settleSignIn` ends it. */
  readonly settled: boolean
  readonly at: Date
}

/**
 * A sign-in by a way in that belongs to a customer already: noted with its device, and a login that waited for its owner linked, in one
 * transaction. LOGIN_DENIED when the customer is not active; LINK_REQUIRED when what waits shows that the mailbox may have changed hands.
 */
export async function signInKnown(parts: LinkingParts, signIn: KnownSignIn): Promise<KnownSignedIn> {
  const { customer, way, clientId, device, waiting } = signIn
  const fresh = { publicId: publicId(), at: new Date() }
  // A passkey is possession and person in one (its user verification is demanded).
  const proved = way === 'passkey'
  return withNewLogin(parts, { about: customer }, async (tx) => {
    const links = waiting !== null && (proved || !hasSecondFactor(await activeRow(parts, tx, customer)))
    if (links) await linkWaiting(parts, tx, { claims: waiting, owner: customer, byMail: way === 'mail', clientId, ...fresh })
    const row = await activeRow(parts, tx, customer)
    const used = await noteDevice(parts, tx, row, device, fresh.at, proved)
    const event = {
      type: 'login.succeeded',
      client: clientId,
      actor: 'customer',
      detail: { provider: way, newDevice: used.risks.includes('newDevice') },
    } as const
    const audit = await parts.audit.inCustomerChain(tx, customer, row.audit, event, fresh.at)
    const recovered = way === 'mail' && !hasSecondFactor(row) ? await recoveredBy(parts, tx, row, fresh.at) : {}
    await parts.customers.update(tx, customer, { $set: { ...used.$set, ...recovered, audit } })
    return { device: used.device, risks: used.risks, settled: used.noted && (waiting === null || links), at: fresh.at }
  })
}

export interface SettledSignIn {
  readonly customer: CustomerKey
  readonly clientId: string
  readonly device: SeenDevice
  readonly waiting: Claims | null
  /** What was proved on top, if anything was asked: it answers an alert. */
  readonly proved: string | null
  /** When a code to the mailbox was shown as the way in; null for other ways. */
  readonly byMailAt: Date | null
}

/** The end of a sign-in that took a second factor: browser noted, waiting login linked, alert answered, in one transaction. LOGIN_DENIED */
export async function settleSignIn(parts: LinkingParts, { customer, clientId, device, waiting, proved, byMailAt }: SettledSignIn): Promise<void> {
  const fresh = { publicId: publicId(), at: new Date() }
  await withNewLogin(parts, { about: customer }, async (tx) => {
    if (waiting !== null) await linkWaiting(parts, tx, { claims: waiting, owner: customer, byMail: false, clientId, ...fresh })
    const row = await activeRow(parts, tx, customer)
    const used = await noteDevice(parts, tx, row, device, fresh.at, true)
    const event = { type: 'step_up.proved', client: clientId, actor: 'customer', detail: { action: 'signIn', proof: proved ?? '' } } as const
    const audit = proved === null ? row.audit : await parts.audit.inCustomerChain(tx, customer, row.audit, event, fresh.at)
    const recovered = byMailAt === null ? {} : await recoveredBy(parts, tx, row, byMailAt)
    const answered = proved === null || row.alert === undefined ? {} : { $unset: { alert: '' as const } }
    await parts.customers.update(tx, customer, { $set: { ...used.$set, ...recovered, audit }, ...answered })
  })
}

/** A code to the mailbox is the way back into an account: whoever was in it before is no longer. */
async function recoveredBy(parts: LinkingParts, tx: Tx, row: CustomerRow, at: Date): Promise<Partial<Pick<CustomerRow, 'tokensValidFrom'>>> {
  if (row.tokensValidFrom >= at) return {}
  await endSessionsBefore(parts.jobs, tx, row._id, at)
  return { tokensValidFrom: at }
}

async function activeRow({ customers }: LinkingParts, tx: Tx, customer: CustomerKey) {
  const row = await customers.read(customer, tx)
  if (row === null || row.state !== 'active') throw new EntenteError('LOGIN_DENIED', { why: 'customer is not active' })
  return row
}
