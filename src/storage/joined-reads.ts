import DataLoader from 'dataloader'
import type { CustomerKey } from '../operation.ts'
import type { CustomerStore, GatedRow, Projection } from './customers.ts'

interface Wanted {
  readonly key: CustomerKey
  readonly projection: Projection
}

const longest = 500

/**
 * Reads of single customers, from whatever requests, that are asked for in one turn of the event loop become one `$in`. Only the fetch is
 * shared: the projection is the union, each asker gets a row of its own to make its view from, and nothing is kept after the answer.
 */
export function joinedReads(store: Pick<CustomerStore, 'readMany'>) {
  const loader = new DataLoader<Wanted, GatedRow | null>((batch) => fetch(store, batch), {
    cache: false,
    maxBatchSize: longest,
    // After the sockets of this turn were read, so that requests which came together are answered together.
    batchScheduleFn: (dispatch) => void setImmediate(dispatch),
  })
  return {
    /** Null when there is no such customer. */
    read: (key: CustomerKey, projection: Projection): Promise<GatedRow | null> => loader.load({ key, projection }),
  }
}

export type JoinedReads = ReturnType<typeof joinedReads>

async function fetch(store: Pick<CustomerStore, 'readMany'>, batch: readonly Wanted[]): Promise<(GatedRow | null)[]> {
  const keys = [...new Set(batch.map(({ key }) => key))]
  const rows = new Map((await store.readMany(keys, union(batch))).map((row) => [row._id, row]))
  const given = new Set<CustomerKey>()
  return batch.map(({ key }) => {
    const row = rows.get(key) ?? null
    if (row !== null && given.has(key)) return structuredClone(row)
    given.add(key)
    return row
  })
}

function union(batch: readonly Wanted[]): Projection {
  const different = new Set(batch.map(({ projection }) => projection))
  const [only] = different
  if (different.size === 1 && only) return only
  const all: Projection = Object.assign({}, ...different)
  // The database refuses a path beside one that it lies below.
  const isBelow = (path: string): boolean => path.split('.').some((_, i, parts) => i > 0 && all[parts.slice(0, i).join('.')] === 1)
  return Object.fromEntries(Object.entries(all).filter(([path]) => !isBelow(path)))
}
