import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { z } from 'zod'

const status = z.object({ extra_info: z.object({ user_time_us: z.coerce.number(), system_time_us: z.coerce.number() }) })

/** Each side keeps the same people, in a database of its own. */
export const databases = { ours: 'bench_entente', peer: 'bench_peer' } as const

/** The connection string with another database. */
export function inDatabase(uri: string, database: string): string {
  const url = new URL(uri)
  url.pathname = `/${database}`
  return url.href
}

/** Microseconds of processor time that MongoDB and Redis have used so far, as they say themselves. */
export async function databasesCpu(uri: string, redisUrl: string): Promise<number> {
  await using mongo = await MongoClient.connect(uri)
  const { extra_info: info } = status.parse(await mongo.db('admin').command({ serverStatus: 1 }))
  const redis = new Redis(redisUrl)
  try {
    const said = await redis.info('cpu')
    const seconds = ['user', 'sys'].map((kind) => Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(said)?.[1]))
    return info.user_time_us + info.system_time_us + seconds.reduce((sum, one) => sum + one, 0) * 1e6
  } finally {
    redis.disconnect()
  }
}
