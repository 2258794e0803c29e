import { randomBytes } from 'node:crypto'
import { Schema, type Connection } from 'mongoose'
import type { CustomerKey } from '../operation.ts'
import { seal, sealBytes, unseal, unsealBytes } from './keys.ts'
import { collectionOf } from './mongo.ts'
import type { Tx } from './transaction.ts'

export interface ExportRow {
  /** Random, 22 characters: what the person calls it. */
  _id: string
  customer: CustomerKey
  /** The client through which it was asked for. */
  client: string
  state: 'pending' | 'ready' | 'failed'
  requestedAt: Date
  readyAt?: Date
  /** From then on nobody gets it. */
  expiresAt: Date
  /** When the row goes too. */
  forgottenAt: Date
  /** Which of the runs at building it counts: a run that another took over from adds nothing. */
  run: number
  /** Opens its chunks, and is nowhere else. Encrypted. */
  sealedKey: string
  /** Bytes of the archive, and the chunks that they lie in. */
  size?: number
  chunks?: number
}

interface ChunkRow {
  /** `export/run/0000000001` */
  _id: string
  customer: CustomerKey
  export: string
  run: number
  sealed: Buffer
  expiresAt: Date
}

const schema = new Schema<ExportRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    client: { type: String, required: true },
    state: { type: String, required: true },
    requestedAt: { type: Date, required: true },
    readyAt: Date,
    expiresAt: { type: Date, required: true },
    forgottenAt: { type: Date, required: true },
    run: { type: Number, required: true },
    sealedKey: { type: String, required: true },
    size: Number,
    chunks: Number,
  },
  { versionKey: false, strict: 'throw' },
)
schema.index({ customer: 1, requestedAt: -1 })
schema.index({ forgottenAt: 1 }, { expireAfterSeconds: 0 })

const chunkSchema = new Schema<ChunkRow>(
  {
    _id: { type: String, required: true },
    customer: { type: String, required: true },
    export: { type: String, required: true },
    run: { type: Number, required: true },
    sealed: { type: Buffer, required: true },
    expiresAt: { type: Date, required: true },
  },
  { versionKey: false, strict: 'throw' },
)
chunkSchema.index({ customer: 1 })
chunkSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })

export type NewExport = Pick<ExportRow, '_id' | 'customer' | 'client' | 'requestedAt' | 'expiresAt' | 'forgottenAt'>
export type ReadyExport = ExportRow & Required<Pick<ExportRow, 'readyAt' | 'size' | 'chunks'>>

/** Which place of which run a chunk is; the last one says so, so that none can be moved, left out or cut off unseen. */
const labelOf = ({ _id, run }: ExportRow, n: number, isLast: boolean): string => `${_id}/${run}/${String(n).padStart(10, '0')}${isLast ? '/last' : ''}`
const chunkId = (row: ExportRow, n: number): string => labelOf(row, n, false)

/** Archives of people's data, in encrypted chunks. Each has a key of its own, which goes with its row. */
export function exportStore(db: Connection, key: Buffer) {
  const rows = collectionOf<ExportRow>(db, 'exports', schema)
  const chunks = collectionOf<ChunkRow>(db, 'export_chunks', chunkSchema)

  function keyOf({ _id, sealedKey }: ExportRow): Buffer {
    const opened = unseal(key, sealedKey, _id)
    if (opened === null) throw new Error('no key opens this export')
    return opened
  }

  return {
    insert: async (tx: Tx, row: NewExport): Promise<void> => {
      await rows.create([{ ...row, state: 'pending', run: 0, sealedKey: seal(key, randomBytes(32), row._id) }], { session: tx })
    },

    read: (id: string, tx?: Tx): Promise<ExportRow | null> =>
      rows
        .findOne({ _id: id })
        .session(tx ?? null)
        .lean<ExportRow>()
        .exec(),

    /** Newest first. */
    ofCustomer: (customer: CustomerKey, tx?: Tx): Promise<ExportRow[]> =>
      rows
        .find({ customer })
        .sort({ requestedAt: -1 })
        .limit(100)
        .session(tx ?? null)
        .lean<ExportRow[]>()
        .exec(),

    /** Takes over from earlier runs, and removes what they left. Null when there is nothing to build, or a later run has it. */
    async begin(id: string, run: number, expiresAt: Date): Promise<ExportRow | null> {
      const row = await rows
        .findOneAndUpdate({ _id: id, state: 'pending', run: { $lt: run } }, { $set: { run, expiresAt } }, { returnDocument: 'after' })
        .lean<ExportRow>()
        .exec()
      if (row !== null) await chunks.deleteMany({ customer: row.customer, export: id })
      return row
    },

    async putChunk(row: ExportRow, n: number, plain: Buffer, isLast: boolean): Promise<void> {
      const sealed = sealBytes(keyOf(row), plain, labelOf(row, n, isLast))
      await chunks.create({ _id: chunkId(row, n), customer: row.customer, export: row._id, run: row.run, sealed, expiresAt: row.expiresAt })
    },

    /** False when another run has taken over, or it is gone. */
    async ready(tx: Tx, { _id, run }: ExportRow, built: Required<Pick<ExportRow, 'readyAt' | 'size' | 'chunks'>>): Promise<boolean> {
      return (await rows.updateOne({ _id, run, state: 'pending' }, { $set: { state: 'ready', ...built } }, { session: tx })).matchedCount === 1
    },

    fail: async (id: string): Promise<void> => {
      await rows.updateOne({ _id: id, state: 'pending' }, { $set: { state: 'failed' } })
    },

    /** What lies in the chunks of the customer's other exports, and of other runs at this one. */
    async removeOthers({ _id, run, customer }: ExportRow, now: Date): Promise<void> {
      await rows.updateMany({ customer, _id: { $ne: _id }, state: 'ready', expiresAt: { $gt: now } }, { $set: { expiresAt: now } })
      await chunks.deleteMany({ customer, $or: [{ export: { $ne: _id } }, { run: { $ne: run } }] })
    },

    /** Of this run. */
    removeChunks: async ({ _id, customer, run }: ExportRow): Promise<void> => {
      await chunks.deleteMany({ customer, export: _id, run })
    },

    /** Throws when it is missing, was changed, or is not what stood there. */
    async chunk(row: ReadyExport, n: number): Promise<Buffer> {
      const found = await chunks.collection.findOne<{ sealed: { value(): Uint8Array } }>({ _id: chunkId(row, n) } as object)
      const plain = found && unsealBytes(keyOf(row), Buffer.from(found.sealed.value()), labelOf(row, n, n === row.chunks - 1))
      if (!plain) throw new Error('a chunk of an export is missing or was changed')
      return plain
    },
  }
}

export type ExportStore = ReturnType<typeof exportStore>
