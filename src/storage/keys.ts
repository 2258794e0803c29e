import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto'
import { Schema, type Connection } from 'mongoose'
import { collectionOf } from './mongo.ts'
import { isDuplicateKey } from './transaction.ts'

interface KeyRow {
  /** `address/1`, `signing/2026-…`: purpose of the key, then its version. */
  _id: string
  sealed: string
  createdAt: Date
}

const schema = new Schema<KeyRow>(
  { _id: { type: String, required: true }, sealed: { type: String, required: true }, createdAt: { type: Date, required: true } },
  { versionKey: false, strict: 'throw' },
)

/** 32 bytes for one purpose, from a longer-lived secret (HKDF, RFC 5869). */
export function deriveKey(from: string | Buffer, label: string): Buffer {
  return Buffer.from(hkdfSync('sha256', from, 'entente', label, 32))
}

const preparedKeys = new WeakMap<Buffer, KeyObject>()

/** To prepare a key costs more than to seal a small value with it. */
function prepared(key: Buffer): KeyObject {
  const known = preparedKeys.get(key)
  if (known) return known
  const made = createSecretKey(key)
  preparedKeys.set(key, made)
  return made
}

/** Encrypts small values at rest: AES-256-GCM, fresh nonce, `label` bound as additional data. base64url. */
export const seal = (key: Buffer, plain: Buffer | string, label: string): string => sealBytes(key, plain, label).toString('base64url')

/** What `seal` closed; null when the key, the label or a single bit differs. */
export const unseal = (key: Buffer, sealed: string, label: string): Buffer | null => unsealBytes(key, Buffer.from(sealed, 'base64url'), label)

/** The same as bytes, for what is long: nonce, tag, then as much as went in. */
export function sealBytes(key: Buffer, plain: Buffer | string, label: string): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', prepared(key), nonce).setAAD(Buffer.from(label))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}

/** What `sealBytes` closed; null when the key, the label or a single bit differs. */
export function unsealBytes(key: Buffer, bytes: Buffer, label: string): Buffer | null {
  if (bytes.length < 28) return null
  try {
    const decipher = createDecipheriv('aes-256-gcm', prepared(key), bytes.subarray(0, 12)).setAAD(Buffer.from(label))
    decipher.setAuthTag(bytes.subarray(12, 28))
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()])
  } catch {
    return null
  }
}

/**
 * Keys that outlive a rotation of `ENTENTE_SECRET`: random, kept in MongoDB sealed under it. A key that only the previous secret opens
 * is sealed again under the present one; a key that neither opens stops the start, since hashes made with it could not be found again.
 */
export function keyStore(db: Connection, secrets: { readonly current: string; readonly previous?: string }) {
  const model = collectionOf<KeyRow>(db, 'keys', schema)
  const sealing = deriveKey(secrets.current, 'keys')
  const before = secrets.previous === undefined ? null : deriveKey(secrets.previous, 'keys')

  async function open(row: KeyRow): Promise<Buffer> {
    const now = unseal(sealing, row.sealed, row._id)
    if (now) return now
    const old = before && unseal(before, row.sealed, row._id)
    if (!old)
      throw new Error(`The stored key ${row._id} cannot be opened: ENTENTE_SECRET is not the one it was made with. Set ENTENTE_SECRET_PREVIOUS to the old one.`)
    await model.updateOne({ _id: row._id }, { $set: { sealed: seal(sealing, old, row._id) } })
    return old
  }

  return {
    /** The key of that name; two processes that make it at once end with the same one. */
    async obtain(name: string, make: () => Buffer = () => randomBytes(32)): Promise<Buffer> {
      const found = await model.findOne({ _id: name }).lean<KeyRow>().exec()
      if (found) return open(found)
      const key = make()
      try {
        await model.create({ _id: name, sealed: seal(sealing, key, name), createdAt: new Date() })
        return key
      } catch (error) {
        if (!isDuplicateKey(error)) throw error
        return this.obtain(name, make)
      }
    },

    /** All keys whose name begins with `prefix/`, oldest first. */
    async list(prefix: string): Promise<{ readonly name: string; readonly key: Buffer; readonly createdAt: Date }[]> {
      const rows = await model
        .find({ _id: { $gt: `${prefix}/`, $lt: `${prefix}0` } })
        .sort({ createdAt: 1 })
        .lean<KeyRow[]>()
        .exec()
      return Promise.all(rows.map(async (row) => ({ name: row._id, key: await open(row), createdAt: row.createdAt })))
    },

    async remove(name: string): Promise<void> {
      await model.deleteOne({ _id: name })
    },
  }
}

export type KeyStore = ReturnType<typeof keyStore>
