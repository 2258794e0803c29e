import { hash, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Client } from '../config/clients.ts'

const mostKnown = 1_000
const digestOf = (key: string): Buffer => hash('sha256', key, 'buffer')

/**
 * Whose write key it is; null for nobody's. Digests are compared, each in the same time however much of it fits; a client that was
 * registered anew is looked for anew, so that a key that was taken away opens nothing any more.
 */
export function writeKeys(clients: { find(id: string): Client | undefined; all(): readonly Client[] }): (key: string) => Client | null {
  const known = new LRUCache<string, Client>({ max: mostKnown })
  return (key) => {
    const digest = digestOf(key)
    const name = digest.toString('base64url')
    const before = known.get(name)
    if (before !== undefined && clients.find(before.id) === before) return before
    const found = clients.all().find((client) => client.writeKeys.some((one) => timingSafeEqual(digestOf(one), digest)))
    if (found === undefined) known.delete(name)
    else known.set(name, found)
    return found ?? null
  }
}
