import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { startMongod } from '../../scripts/run/mongod.mjs'
import { startRedis } from '../../scripts/run/redis.mjs'

/** A server that belongs to one test, which may stop, freeze and kill it. */
export interface OwnServer extends AsyncDisposable {
  readonly uri: string
  /** To the server itself; SIGSTOP makes it hang, SIGCONT lets it go on, SIGKILL needs `restart` afterwards. */
  signal(name: NodeJS.Signals): void
  /** The same data at the same address. */
  restart(): Promise<void>
}

interface Kind {
  readonly start: (
    folder: string,
    port: number | undefined,
  ) => Promise<{ readonly uri: string; readonly ended: Promise<number>; readonly stop: () => Promise<number> }>
  /** The server's own process, which is not the one that holds its leash. */
  readonly pidOf: (uri: string) => Promise<number>
}

export async function ownMongod(transactionSeconds?: number): Promise<OwnServer> {
  const program = programOf(inject('mongodProgram'))
  return own({
    start: (folder, port) =>
      startMongod({ program, folder, ...(port !== undefined && { port }), ...(transactionSeconds !== undefined && { transactionSeconds }) }),
    pidOf: async (uri) => {
      await using client = await MongoClient.connect(uri)
      return Number((await client.db('admin').command({ serverStatus: 1 }))['pid'])
    },
  })
}

export async function ownRedis(): Promise<OwnServer> {
  const program = programOf(inject('redisProgram'))
  return own({
    start: (folder, port) => startRedis({ program, folder, ...(port !== undefined && { port }) }),
    pidOf: async (uri) => {
      const redis = new Redis(uri)
      const info = await redis.info('server')
      redis.disconnect()
      return Number(/process_id:(\d+)/.exec(info)?.[1])
    },
  })
}

function programOf(found: string): string {
  expect(found, 'the servers of this run were given by address').not.toBe('')
  return found
}

async function own({ start, pidOf }: Kind): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'entente-own-'))
  let server = await start(folder, undefined)
  let pid = await pidOf(server.uri)
  const { uri } = server
  return {
    uri,
    signal: (name) => void process.kill(pid, name),
    async restart() {
      await server.ended
      server = await start(folder, Number(new URL(uri).port))
      pid = await pidOf(uri)
      expect(server.uri).toBe(uri)
    },
    async [Symbol.asyncDispose]() {
      goOn(pid)
      await server.stop()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A frozen process hears no other signal. */
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has ended.
  }
}
