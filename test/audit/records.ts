import { randomBytes } from 'node:crypto'
import { openSigningKeys } from '../../src/access/signing-keys.ts'
import { checkpoints } from '../../src/audit/checkpoints.ts'
import { auditExport } from '../../src/audit/export.ts'
import { auditText, hashOf } from '../../src/audit/log.ts'
import { auditLog } from '../../src/audit/log.ts'
import { ledgerHash, ledgerText } from '../../src/consent/ledger.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { checkpointStore } from '../../src/storage/checkpoints.ts'
import { chainId, ledgerStore } from '../../src/storage/consent-ledger.ts'
import { keyStore } from '../../src/storage/keys.ts'
import { leaseStore } from '../../src/storage/leases.ts'
import { prepareCollections } from '../../src/storage/mongo.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { openHouse } from '../support/house.ts'

/** A house whose customers decide and whose processes note, with checkpoints and exports of it. */
export async function openRecords() {
  const house = await openHouse()
  const { db, store: customers } = house
  const ledger = ledgerStore(db)
  const store = checkpointStore(db)
  const leases = leaseStore(db)
  await prepareCollections(db)
  let now = Date.now()
  const keys = await openSigningKeys(keyStore(db, { current: 'a secret for tests only, long enough' }), () => new Date(now))
  const audit = auditLog(auditStore(db))
  const parts = { store, audit, sign: keys.sign, now: () => now }
  const signing = { publicKeys: () => keys.current().published, hashOf: { audit: hashOf, ledger: ledgerHash }, every: 3_600_000 }
  const made = checkpoints({ ...parts, ...signing, db, leases })

  async function decide(customer: string): Promise<void> {
    const at = new Date(now)
    await inTransaction(db, customer, async (tx) => {
      const row = await customers.read(customer, tx)
      if (row === null) throw new Error('no such customer')
      const decision = { purpose: 'email_marketing', state: 'granted', textVersion: '2026-01', textHash: '', locale: 'en' } as const
      const entry = {
        _id: chainId(customer, row.ledger.seq + 1),
        receipt: randomBytes(16).toString('base64url'),
        decisions: [decision],
        surface: 'storefront',
        at,
        prev: row.ledger.hash,
      }
      const hash = ledgerHash(entry)
      await ledger.append(tx, { ...entry, hash })
      const event = { type: 'consent.changed', client: 'storefront', actor: 'customer', purposes: ['email_marketing'] } as const
      const head = await audit.inCustomerChain(tx, customer, row.audit, event, at)
      await customers.update(tx, customer, { $set: { ledger: { seq: row.ledger.seq + 1, hash }, audit: head } })
    })
  }

  return {
    house,
    store,
    leases,
    audit,
    keys,
    checkpoints: made,
    decide,
    later: (milliseconds: number) => void (now += milliseconds),
    now: () => now,
    newCustomer: async (): Promise<string> => {
      const row = newCustomer(randomBytes(16).toString('base64url'), new Date(now))
      await inTransaction(db, row._id, (tx) => customers.insert(tx, row))
      return row._id
    },
    exportTo: auditExport({ ...parts, checkpoints: made, textOf: { audit: auditText, ledger: ledgerText } }),
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  }
}
