import { Cluster, Redis } from 'ioredis'

export type RedisConnection = Redis | Cluster

/** One URL is one server, a comma-separated list the nodes of a cluster. Commands fail at once while it is away: what Redis holds may be lost. */
export async function openRedis(urls: string, keyPrefix: string): Promise<RedisConnection> {
  const nodes = urls.split(',').map((url) => url.trim())
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: 2_000, connectTimeout: 5_000 }
  const first = nodes[0]
  if (first === undefined || first === '') throw new Error('REDIS_URL is empty.')
  const client =
    nodes.length === 1
      ? new Redis(first, { ...options, keyPrefix, lazyConnect: true, retryStrategy: backOff })
      : new Cluster(nodes, { keyPrefix, lazyConnect: true, redisOptions: options, clusterRetryStrategy: backOff, enableOfflineQueue: false })
  // Without a listener a lost connection would end the process; who needs Redis sees the command fail.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Whether it answers; one that hangs counts as away after the two seconds of any command. */
export const redisAnswers = async (redis: RedisConnection): Promise<boolean> => (await redis.ping()) === 'PONG'

const backOff = (attempt: number): number => Math.min(50 * 2 ** attempt, 2_000)

/** Values with an end that are taken at most once: login transactions, nonces, one-time handles. */
export function onceStore(redis: RedisConnection, kind: string) {
  const keyOf = (id: string) => `${kind}:${id}`
  return {
    /** False when the id is there already. */
    put: async (id: string, value: string, seconds: number): Promise<boolean> => (await redis.set(keyOf(id), value, 'EX', seconds, 'NX')) === 'OK',
    /** In the place of what is there. */
    replace: async (id: string, value: string, seconds: number): Promise<void> => {
      await redis.set(keyOf(id), value, 'EX', seconds)
    },
    /** The value, for the one caller who is first; null for all others and after its end. */
    take: (id: string): Promise<string | null> => redis.getdel(keyOf(id)),
    peek: (id: string): Promise<string | null> => redis.get(keyOf(id)),
  }
}

export type OnceStore = ReturnType<typeof onceStore>

/** Different things that somebody does in a day, counted for all processes together. */
export function dayBudget(redis: RedisConnection, kind: string) {
  return {
    /** False when this would be one more than `most`; the same once more is none. `day` counts from 1970. */
    spend: async (who: string, day: number, what: string, most: number): Promise<boolean> => {
      const key = `${kind}:${day}:${who}`
      await redis.sadd(key, what)
      await redis.expire(key, 172_800)
      if ((await redis.scard(key)) <= most) return true
      await redis.srem(key, what)
      return false
    },
  }
}

export type DayBudget = ReturnType<typeof dayBudget>

/** Secrets that may be guessed at a few times: one in each place, each with a count of the tries left. */
export function codeStore(redis: RedisConnection, kind: string) {
  const placeOf = (place: string) => `${kind}:${place}`
  const triesOf = (id: string) => `${kind}-tries:${id}`
  return {
    /** Puts a value in the place of any other there. `id` is new each time. */
    put: async (place: string, id: string, value: string, tries: number, seconds: number): Promise<void> => {
      // Outlives the value: a count that begins anew would have no end.
      await redis.set(triesOf(id), tries, 'EX', seconds + 60)
      await redis.set(placeOf(place), value, 'EX', seconds)
    },
    read: (place: string): Promise<string | null> => redis.get(placeOf(place)),
    /** Takes one of the tries; false when none is left, and when the count is lost. */
    useTry: async (id: string): Promise<boolean> => (await redis.decr(triesOf(id))) >= 0,
    /** True for the one who comes first, if it is still the value that he read. */
    take: async (place: string, value: string): Promise<boolean> => (await redis.getdel(placeOf(place))) === value,
  }
}

export type CodeStore = ReturnType<typeof codeStore>
