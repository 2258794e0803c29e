import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey } from './transaction.ts'

interface SeenRow {
  /** The attribute's name. */
  _id: string
  category: string
}

const schema = new Schema<SeenRow>({ _id: { type: String, required: true }, category: String }, { versionKey: false, strict: 'throw' })

/** Under which category each name of an attribute first came into use here: values that people gave lie under that name. */
export function seenAttributeStore(db: Connection) {
  const model = collectionOf<SeenRow>(db, 'seen_attributes', schema)
  /** Category by name, also of those that no policy has now. */
  const read = async (): Promise<ReadonlyMap<string, string>> => new Map((await model.find({}).lean<SeenRow[]>().exec()).map((row) => [row._id, row.category]))
  return {
    read,
    /** Adds those that are new; all of them. */
    async remember(used: readonly { readonly name: string; readonly category: string }[]): Promise<ReadonlyMap<string, string>> {
      for (const { name, category } of used)
        // A duplicate: two processes start at once, and the other came first.
        await model.updateOne({ _id: name }, { $setOnInsert: { category } }, { upsert: true }).catch((error: unknown) => {
          if (!isDuplicateKey(error)) throw error
        })
      return read()
    },
  }
}

export type SeenAttributeStore = ReturnType<typeof seenAttributeStore>
