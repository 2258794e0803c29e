import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey } from './transaction.ts'

interface SeenRow {
  /** `purpose@textVersion`, or `basis of purpose` */
  _id: string
  /** What people were asked under this version, or the purpose's legal bases, in the order in which they came into use; each once. */
  scopes: string[]
}

const schema = new Schema<SeenRow>({ _id: { type: String, required: true }, scopes: [String] }, { versionKey: false, strict: 'throw' })

/** What each version of a purpose's text has ever stood for here, and on which bases each purpose has. */
export function seenScopeStore(db: Connection) {
  const model = collectionOf<SeenRow>(db, 'seen_scopes', schema)
  const read = async (id: string): Promise<readonly string[]> => (await model.findOne({ _id: id }).lean<SeenRow>().exec())?.scopes ?? []
  return {
    read,
    /** Adds it when it is new; all of them, oldest first. */
    async remember(id: string, scope: string): Promise<readonly string[]> {
      try {
        await model.updateOne({ _id: id }, { $addToSet: { scopes: scope } }, { upsert: true })
      } catch (error) {
        // Two processes start at once, and the other came first.
        if (!isDuplicateKey(error)) throw error
        await model.updateOne({ _id: id }, { $addToSet: { scopes: scope } })
      }
      return read(id)
    },
  }
}

export type SeenScopeStore = ReturnType<typeof seenScopeStore>
