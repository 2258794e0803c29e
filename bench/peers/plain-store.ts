import type { Db } from 'mongodb'
import type { Decision } from '../../src/storage/customers.ts'
import type { Consent, ConsentDecisionInput, Customer, Deletion, LogEntry, UpdateProfileInput } from './plain-types.ts'

type Row = Omit<Customer, 'id' | 'consents'> & {
  readonly _id: string
  readonly decisions: Readonly<Record<string, Decision>>
  readonly grants: readonly string[]
}

const profile = { email: 1, givenName: 1, familyName: 1, birthYear: 1, postcode: 1, country: 1, locale: 1, traits: 1 }
const read = { ...profile, decisions: 1 }

export type PlainStore = ReturnType<typeof plainStore>

/** The same rows by the driver alone: one command for each thing, no transaction, no ledger, no log, and everybody may read everything. */
export function plainStore(db: Db) {
  const customers = db.collection<Row>('customers')
  const events = db.collection('events')
  const shown = (row: Row | null): Customer | null => row && { ...row, id: row._id, consents: consentsOf(row.decisions) }
  return {
    customer: async (_id: string): Promise<Customer | null> => shown(await customers.findOne({ _id }, { projection: read })),

    async agreeing(purpose: string, first: number): Promise<Customer[]> {
      const rows = await customers
        .find({ grants: `${purpose}@2026-01` }, { projection: profile })
        .sort({ _id: 1 })
        .limit(first)
        .toArray()
      return rows.map((row) => ({ ...row, id: row._id }))
    },

    async update(_id: string, input: UpdateProfileInput): Promise<Customer | null> {
      const all = Object.entries(input)
      const $set = Object.fromEntries(all.filter(([, value]) => value !== null))
      const $unset = Object.fromEntries(all.filter(([, value]) => value === null).map(([name]) => [name, '' as const]))
      return shown(await customers.findOneAndUpdate({ _id }, { $set, $unset }, { returnDocument: 'after', projection: read }))
    },

    /** What was kept for a purpose that is over goes with it. */
    async decide(_id: string, decisions: readonly ConsentDecisionInput[]) {
      const at = new Date()
      const $set = Object.fromEntries(
        decisions.map(({ purpose, granted }) => [`decisions.${purpose}`, { state: granted ? 'granted' : 'withdrawn', textVersion: '2026-01', at }]),
      )
      const entries = (wanted: boolean) => decisions.filter(({ granted }) => granted === wanted).map(({ purpose }) => `${purpose}@2026-01`)
      const change = decisions.some(({ granted }) => granted)
        ? { $set, $addToSet: { grants: { $each: entries(true) } } }
        : { $set, $pullAll: { grants: entries(false) } }
      const row = await customers.findOneAndUpdate({ _id }, change, { returnDocument: 'after', projection: { decisions: 1 } })
      for (const { purpose, granted } of decisions) if (!granted) await events.deleteMany({ customer: _id, purposes: purpose })
      return { decidedAt: at, consents: consentsOf(row?.decisions ?? {}) }
    },

    async keep(customer: string, event: object): Promise<void> {
      await events.insertOne({ customer, ...event, at: new Date(), purposes: ['personalised_shop', 'email_marketing'] })
    },

    async log(first: number): Promise<LogEntry[]> {
      const projection = { at: 1, type: 1, client: 1, actor: 1, purposes: 1, categories: 1 }
      const rows = await db
        .collection<Omit<LogEntry, 'id' | 'clientId'> & { _id: string; client: string | null }>('audit_log')
        .find({}, { projection })
        .sort({ at: -1, _id: -1 })
        .limit(first)
        .toArray()
      return rows.map(({ _id, client, ...row }) => ({ ...row, id: _id, clientId: client }))
    },

    async deletion(_id: string): Promise<Deletion | null> {
      const row = await db
        .collection<Omit<Deletion, 'id'> & { _id: string }>('erasures')
        .findOne({ _id }, { projection: { requestedAt: 1, completedAt: 1, certificate: 1 } })
      return row && { ...row, id: row._id }
    },
  }
}

const consentsOf = (decisions: Row['decisions']): Consent[] =>
  Object.entries(decisions).map(([purpose, { state, textVersion, at, expiresAt }]) => ({
    purpose,
    state: state.toUpperCase(),
    textVersion,
    decidedAt: at,
    expiresAt: expiresAt ?? null,
  }))
