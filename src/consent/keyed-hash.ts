import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { deriveKey } from '../storage/keys.ts'
import type { HashFor } from './reduce.ts'

/** The keyed hash of a value, with a key for each client, so that what two of them are given cannot be joined. Keys are derived once. */
export function keyedHash(master: Buffer): HashFor {
  const keys = new Map<string, KeyObject>()
  return (client, value) => {
    const key = keys.get(client) ?? createSecretKey(deriveKey(master, client))
    keys.set(client, key)
    return createHmac('sha256', key).update(value).digest('hex')
  }
}
