import { LRUCache } from 'lru-cache'
import type { Policy } from '../config/policy.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { tokenLives } from './live-token.ts'
import { record, type RecordParts } from './record.ts'
import { newReceipt } from './set-decisions.ts'

/**
 * Whether a request carries Global Privacy Control (W3C draft): a header with exactly `1`, one of several suffices. Anything else, an
 * extended syntax included, is as if it were absent.
 */
export function carriesGpc(header: string | string[] | undefined): boolean {
  if (header === undefined) return false
  return (typeof header === 'string' ? header.split(',') : header).some((value) => value.trim() === '1')
}

/** `/.well-known/gpc.json`: whether the signal does anything here, and since when in this way. */
export function gpcSupport(policy: Policy): { readonly gpc: boolean; readonly lastUpdate: string } {
  const dates = policy.purposes.filter(({ builtIn }) => !builtIn).map(({ textDate }) => textDate)
  return { gpc: policy.purposes.some(({ onGpc }) => onGpc === 'object'), lastUpdate: dates.toSorted().at(-1) ?? '' }
}

export type GpcParts = Omit<RecordParts, 'customers'> & { readonly customers: Pick<CustomerStore, 'read' | 'update' | 'readMany'> }

const mostRemembered = 50_000

/**
 * Hears the signal in a request of a signed-in customer: an objection to the purposes whose policy says so, once for each, with its evidence.
 * It never grants; what the person says afterwards stands, however often the signal comes again.
 */
export function hearGpc(parts: GpcParts): (caller: Caller) => Promise<void> {
  const wanted = parts.policy.purposes.filter(({ onGpc }) => onGpc === 'object')
  const heardAll = new LRUCache<CustomerKey, true>({ max: mostRemembered })
  const unheard = (row: { readonly gpc?: readonly string[] }) => wanted.filter(({ id }) => !row.gpc?.includes(id))

  return async (caller) => {
    const { customer } = caller
    if (customer === null || wanted.length === 0 || heardAll.has(customer)) return
    const [known] = await parts.customers.readMany([customer], { gpc: 1 })
    if (known === undefined) return
    if (unheard(known).length === 0 || (await object(caller, customer))) heardAll.set(customer, true)
  }

  /** False when the token does not count: to say so is for the operation itself. */
  function object(caller: Caller, customer: CustomerKey): Promise<boolean> {
    const [receipt, at] = [newReceipt(), parts.now()]
    return parts.transaction(customer, async (tx) => {
      const row = await parts.customers.read(customer, tx)
      if (!row || !tokenLives(row, caller)) return false
      const purposes = unheard(row)
      if (purposes.length === 0) return true
      const choices = purposes.map((purpose) => ({ purpose, granted: false, textVersion: null, state: 'objected' as const }))
      const gpc = purposes.map(({ id }) => id)
      await record(parts, tx, row, { clientId: caller.clientId, choices, locale: parts.policy.defaultLocale, receipt, at, evidence: { by: 'Sec-GPC' }, gpc })
      return true
    })
  }
}
