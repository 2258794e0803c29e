import mongoose, { type Connection, type mongo, type Schema } from 'mongoose'
import { EntenteError } from '../errors.ts'
import { formerIndexes } from './former-indexes.ts'
import { within } from './within.ts'

mongoose.set('autoIndex', false)
mongoose.set('autoCreate', false)
mongoose.set('strictQuery', 'throw')
// The first row of a chain has an empty hash before it: required means there, not filled.
mongoose.Schema.Types.String.checkRequired((value) => typeof value === 'string')

const patience = 3_000 // ms

/**
 * Connects to the replica set: primary reads and majority writes always, since the consent that is read with the data must be the
 * one in force. A connection string that asks for secondary reads is refused (leak D9).
 */
export async function openMongo(uri: string, options: { readonly monitorCommands?: boolean } = {}): Promise<Connection> {
  if (/readPreference=(?!primary(&|$))/i.test(uri)) {
    throw new Error('MONGODB_URI must not ask for secondary reads: a withdrawn consent would still be read as given.')
  }
  return mongoose
    .createConnection(uri, {
      readPreference: 'primary',
      writeConcern: { w: 'majority' },
      retryWrites: true,
      // One that is away, and one that hangs, is told within ten seconds: the driver tries twice, and each try may wait at all four places.
      serverSelectionTimeoutMS: patience,
      waitQueueTimeoutMS: patience,
      connectTimeoutMS: patience,
      socketTimeoutMS: patience,
      maxAdaptiveRetries: 0,
      maxPoolSize: 50,
      monitorCommands: options.monitorCommands ?? false,
      bufferCommands: false,
    })
    .asPromise()
}

/** Collections and indexes, made at start and not at first use: nothing is created inside a transaction. */
export async function prepareCollections(db: Connection): Promise<void> {
  for (const model of Object.values(db.models)) {
    await model.createCollection()
    await built(() => model.createIndexes())
    await dropFormer(db, model.modelName)
  }
}

/** After those in their place are there, so that no question is without an index meanwhile. */
async function dropFormer(db: Connection, collection: string): Promise<void> {
  const former = formerIndexes[collection] ?? []
  const rows = db.db?.collection(collection)
  if (former.length === 0 || rows === undefined) return
  const there = new Set((await rows.indexes()).map(({ name }) => name))
  for (const name of former) if (there.has(name)) await rows.dropIndex(name).catch(unlessGone)
}

/** Another process was first. */
function unlessGone(error: unknown): void {
  if (!(error instanceof mongoose.mongo.MongoServerError) || error.code !== indexNotFound) throw error
}
const indexNotFound = 27

/** An index on what a million customers left takes longer than any answer may: the server goes on building, and who asks again waits with it. */
async function built(ask: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof mongoose.mongo.MongoNetworkTimeoutError)) throw error
    }
  }
}

/** Whether the primary answers; used by the readiness check. */
export async function mongoAnswers(db: Connection): Promise<boolean> {
  if (db.readyState !== mongoose.ConnectionStates.connected || !db.db) return false
  const answer = await within(db.db.command({ ping: 1 }), 2_000)
  return answer['ok'] === 1
}

/** One collection as a lean model: rows in, rows out, no document instances. */
export function collectionOf<Row>(db: Connection, name: string, schema: Schema<Row>) {
  return db.model<Row>(name, schema, name)
}

/** The same collection by the driver alone, for rows that only we write and that are read and written often: nothing is cast or checked again. */
export function rowsOf<Row extends mongo.Document>(db: Connection, name: string, schema: Schema<Row>): mongo.Collection<Row> {
  // Mongoose's type of what it hands on says less than the driver's own.
  return collectionOf<Row>(db, name, schema).collection as unknown as mongo.Collection<Row>
}

/** For rows that must be there by construction; what is missing is our defect, not the caller's. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: what })
  return value
}
