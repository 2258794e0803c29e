import type { Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import type { Tx } from './transaction.ts'

/**
 * What becomes of a collection's rows about a customer who is erased: removed in the one transaction, or after it (many rows, or of what
 * must be told first), or something else, in words.
 */
type Fate = { readonly when: 'together' | 'after'; readonly rows: (customer: CustomerKey) => object } | string

const own = (customer: CustomerKey) => ({ customer })
const below = (customer: CustomerKey) => ({ _id: { $gt: `${customer}/`, $lt: `${customer}0` } })

/** Every collection, once: a test fails for one that is not here. */
export const fates: Readonly<Record<string, Fate>> = {
  customers: 'a tombstone: the key, and where the two chains ended',
  identities: 'removed in the transaction by their own keys, and their providers told',
  emails: { when: 'together', rows: own },
  credentials: { when: 'together', rows: own },
  merges: { when: 'together', rows: (customer) => ({ survivor: customer }) },
  openid: { when: 'after', rows: own },
  // Whoever is still to be told of a sign-out or of ended consents is told: of a key, and of no value.
  jobs: { when: 'after', rows: (customer) => ({ customer, kind: { $nin: ['logoutToken', 'clientHook'] } }) },
  guesses: { when: 'after', rows: below },
  events: { when: 'after', rows: own },
  exports: { when: 'after', rows: own },
  export_chunks: { when: 'after', rows: own },
  privacy_requests: 'what was asked and when; the words in it go in the transaction',
  consent_ledger: 'stays: decisions without values are the proof that they were kept to (Art. 7(1), 17(3)(e) GDPR)',
  audit_log: 'stays: who read which categories, without values (Art. 5(2), 17(3)(e) GDPR)',
  ledger_checkpoints: 'stays: hashes over all chains',
  checkpoint_heads: 'stays: where each chain stood',
  erasures: 'stays: that and when it was done',
  anonymous_events: 'of nobody known: under a pseudonym, for days',
  held_data: 'stays until its day: what the receipt names',
  alerts: 'stays: codes and counts',
  audience_changes: 'stays for 90 days: whoever was handed the person is told, by a key, that they are gone (Art. 19 GDPR)',
  audience_receivers: 'of no customer',
  login_funnel: 'of no customer: counts',
  clients: 'of no customer',
  client_changes: 'stays: which operators, by their keys and names in the list, changed a client',
  rule_walks: 'of no customer',
  seen_scopes: 'of no customer',
  seen_attributes: 'of no customer',
  customer_keys: 'destroyed in the transaction: backups say nothing of the person any more',
  keys: 'of no customer',
  published_keys: 'of no customer',
  leases: 'of no customer',
}

/** The rows that go by the table above. */
export function customerRows(db: Connection) {
  async function each<T>(when: 'together' | 'after' | 'either', work: (collection: string, rows: object) => Promise<T>, customer: CustomerKey): Promise<void> {
    for (const [collection, fate] of Object.entries(fates))
      if (typeof fate !== 'string' && (when === 'either' || fate.when === when)) await work(collection, fate.rows(customer))
  }
  return {
    /** How many there are, by collection. */
    async count(customer: CustomerKey, tx: Tx): Promise<Record<string, number>> {
      const found: Record<string, number> = {}
      await each('either', async (name, rows) => void (found[name] = await db.collection(name).countDocuments(rows, { session: tx })), customer)
      return found
    },
    removeTogether: (customer: CustomerKey, tx: Tx): Promise<void> =>
      each('together', (name, rows) => db.collection(name).deleteMany(rows, { session: tx }), customer),
    /** Doing it again is like doing it once. */
    removeAfter: (customer: CustomerKey): Promise<void> => each('after', (name, rows) => db.collection(name).deleteMany(rows), customer),
  }
}

export type CustomerRows = ReturnType<typeof customerRows>
