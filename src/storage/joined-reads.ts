import type { CustomerKey } from '../operation.ts'
import type { CustomerStore, GatedRow, Projection } from './customers.ts'

interface Waiting {
  readonly key: CustomerKey
  readonly projection: Projection
  readonly done: (row: GatedRow | null) => void
  readonly failed: (error: unknown) => void
}

const longest = 500

/**
 * Reads of single customers, from whatever requests, that are asked for in one turn of the event loop become one `$in`. Only the fetch is
 * shared: the projection is the union, each asker gets a row of its own to make its view from, and nothing is kept after the answer.
 */
export function joinedReads(store: Pick<CustomerStore, 'readMany'>) {
  let waiting: Waiting[] = []

  function fetchAll(): void {
    const all = waiting
    waiting = []
    for (let from = 0; from < all.length; from += longest) void fetch(all.slice(from, from + longest))
  }

  async function fetch(batch: readonly Waiting[]): Promise<void> {
    try {
      const keys = new Set(batch.map(({ key }) => key))
      const rows = new Map((await store.readMany([...keys], union(batch))).map((row) => [row._id, row]))
      const given = new Set<CustomerKey>()
      for (const { key, done } of batch) {
        const row = rows.get(key) ?? null
        done(row !== null && given.has(key) ? structuredClone(row) : row)
        given.add(key)
      }
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
  }

  return {
    /** Null when there is no such customer. */
    read: (key: CustomerKey, projection: Projection): Promise<GatedRow | null> =>
      new Promise((done, failed) => {
        // After the sockets of this turn were read, so that requests which came together are answered together.
        if (waiting.length === 0) setImmediate(fetchAll)
        waiting.push({ key, projection, done, failed })
      }),
  }
}

export type JoinedReads = ReturnType<typeof joinedReads>

function union(batch: readonly Waiting[]): Projection {
  const different = new Set(batch.map(({ projection }) => projection))
  const [only] = different
  return different.size === 1 && only ? only : Object.assign({}, ...different)
}
