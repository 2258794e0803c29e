import type { Connection } from 'mongoose'
import { joined } from './joined.ts'
import { readByKey } from './read-at-once.ts'
import type { Tx } from './transaction.ts'
import { replied } from './write-at-once.ts'

export interface Statement {
  readonly q: object
  readonly u: object
  readonly upsert?: true
}

/** What became of an update: nothing was there to update, something was, or it was made. */
export type Updated = 'nothing' | 'changed' | 'made'

/**
 * The commands of works that share a transaction (`inSharedTransaction`). What they ask of one collection in the same turn of the event loop is
 * one command, and one command goes after the other, as a transaction wants it. A work that is alone notices nothing of it.
 */
export interface JoinedCommands {
  /** The whole row. */
  read<Row extends { _id: string }>(collection: string, key: string): Promise<Row | null>
  insert(collection: string, row: object): Promise<void>
  update(collection: string, statement: Statement): Promise<Updated>
  /** For what cannot be joined. */
  inTurn<T>(command: () => Promise<T>): Promise<T>
}

const ofTransactions = new WeakMap<Tx, JoinedCommands>()

export function joinedCommands(db: Connection, tx: Tx): JoinedCommands {
  const known = ofTransactions.get(tx)
  if (known !== undefined) return known
  const made = commandsOf(db, tx)
  ofTransactions.set(tx, made)
  return made
}

function commandsOf(db: Connection, tx: Tx): JoinedCommands {
  let last: Promise<unknown> = Promise.resolve()
  function inTurn<T>(command: () => Promise<T>): Promise<T> {
    const turn = last.then(command, command)
    last = turn.catch(() => {})
    return turn
  }
  const reads = byCollection((collection, keys: readonly string[]) => inTurn(() => readByKey(db, collection, keys, tx)))
  const inserts = byCollection((collection, documents: readonly object[]) =>
    inTurn(async () => {
      await replied(db, { insert: collection, documents }, tx)
      return documents.map(() => true)
    }),
  )
  const updates = byCollection((collection, statements: readonly Statement[]) => inTurn(() => updateRows(db, tx, collection, statements)))
  return {
    read: async <Row>(collection: string, key: string) => (await reads(collection, key)) as Row | null,
    insert: async (collection, row) => void (await inserts(collection, row)),
    update: updates,
    inTurn,
  }
}

function byCollection<Ask, Answer>(work: (collection: string, asks: readonly Ask[]) => Promise<readonly Answer[]>) {
  const loaders = new Map<string, (ask: Ask) => Promise<Answer>>()
  return (collection: string, ask: Ask): Promise<Answer> => {
    const load = loaders.get(collection) ?? joined((asks: readonly Ask[]) => work(collection, asks))
    loaders.set(collection, load)
    return load(ask)
  }
}

async function updateRows(db: Connection, tx: Tx, collection: string, updates: readonly Statement[]): Promise<Updated[]> {
  const { n, upserted } = await replied(db, { update: collection, updates }, tx)
  // The answer says how many there were, not which: one by one they will be told.
  if (n < updates.length && updates.length > 1) throw new Error('one of several was not there')
  const made = new Set(upserted.map(({ index }) => index))
  return updates.map((_, at) => (n < updates.length ? 'nothing' : made.has(at) ? 'made' : 'changed'))
}
