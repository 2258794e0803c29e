import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

/** A client registered at run time: the same members as an entry of `CLIENTS_FILE`, as it was written; checked like the file when read. */
export interface ClientRow {
  _id: string
  registration: Record<string, unknown>
}

const schema = new Schema<ClientRow>(
  { _id: { type: String, required: true }, registration: { type: Schema.Types.Mixed, required: true } },
  { versionKey: false, strict: 'throw' },
)

export function clientStore(db: Connection) {
  const model = collectionOf<ClientRow>(db, 'clients', schema)
  return {
    read: (tx: Tx, id: string): Promise<ClientRow | null> => model.findOne({ _id: id }).session(tx).lean<ClientRow>().exec(),
    insert: async (tx: Tx, id: string, registration: Record<string, unknown>): Promise<void> => {
      await model.create([{ _id: id, registration }], { session: tx })
    },
    replace: async (tx: Tx, id: string, registration: Record<string, unknown>): Promise<void> => {
      await model.updateOne({ _id: id }, { $set: { registration } }, { session: tx })
    },
    readAll: (): Promise<ClientRow[]> => model.find().lean<ClientRow[]>().exec(),
  }
}

export type ClientStore = ReturnType<typeof clientStore>
