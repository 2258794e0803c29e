import { Redis } from 'ioredis'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, vi } from 'vitest'
import { startRedis } from '../../scripts/run/redis.mjs'

const slots = 16_384

/** Three Redis nodes that share the slots between them; `url` is what `REDIS_URL` takes. */
export async function startRedisCluster() {
  const program = inject('redisProgram')
  expect(program, 'the servers of this run were given by address').not.toBe('')
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'entente-cluster-')), (one) => rm(one, { recursive: true, force: true }))
  const nodes: { readonly redis: Redis; readonly port: number; readonly uri: string }[] = []
  for (const [n, name] of ['a', 'b', 'c'].entries()) {
    const server = stack.adopt(await startRedis({ program, folder: join(folder, name), cluster: true }), async (one) => void (await one.stop()))
    const redis = stack.adopt(new Redis(server.uri), (one) => one.disconnect())
    await redis.cluster('ADDSLOTSRANGE', Math.ceil((n * slots) / 3), Math.ceil(((n + 1) * slots) / 3) - 1)
    nodes.push({ redis, port: server.port, uri: server.uri })
  }
  const [first, ...others] = nodes
  for (const { redis, port } of others) {
    const bus = String(((await redis.config('GET', 'cluster-port')) as string[])[1])
    await first?.redis.cluster('MEET', '127.0.0.1', port, bus)
  }
  await vi.waitFor(
    async () => {
      for (const { redis } of nodes) expect(await redis.cluster('INFO')).toMatch(/cluster_state:ok[^]*cluster_known_nodes:3/)
    },
    { timeout: 20_000, interval: 50 },
  )
  const running = stack.move()
  return {
    url: nodes.map(({ uri }) => uri).join(),
    keys: async (): Promise<number[]> => Promise.all(nodes.map(({ redis }) => redis.dbsize())),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
