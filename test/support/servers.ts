import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { TestProject } from 'vitest/node'
import { startMongod } from '../../scripts/run/mongod.mjs'
import { startRedis } from '../../scripts/run/redis.mjs'
import { findBrowser, findServers } from '../../scripts/setup.mjs'
import { watchForCanaries } from './canary-watch.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A replica set without a database name: each test file adds its own. */
    readonly mongodbUri: string
    readonly redisUrl: string
    /** Where Chromium is; empty when this machine has none, which the set-up has said. */
    readonly chromium: string
    /** Where gateways' logs and metrics go, to be looked through when all is done. */
    readonly heard: string
    /** Where gateways are compiled to that run in processes of their own. */
    readonly gateways: string
    /** For tests that stop, starve or multiply servers of their own; empty when the servers were given by address. */
    readonly mongodProgram: string
    readonly redisProgram: string
  }
}

/** One MongoDB replica set and one Redis for the whole run, in a folder that goes with them. */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  await using started = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'entente-test-'))
  started.defer(() => rm(folder, { recursive: true, force: true }))

  // From a folder below the repository a gateway finds its packages.
  const repository = join(import.meta.dirname, '../..')
  await mkdir(join(repository, 'dist'), { recursive: true })
  const gateways = started.adopt(await mkdtemp(join(repository, 'dist/for-test-')), (one) => rm(one, { recursive: true, force: true }))
  project.provide('gateways', gateways)

  const programs = await findServers()
  const mongodbUri = process.env['MONGODB_URI'] ?? (await mongodb(programs.mongod, folder, started))
  const redisUrl = process.env['REDIS_URL'] ?? (await redis(programs.redis, folder, started))
  project.provide('mongodbUri', mongodbUri)
  project.provide('redisUrl', redisUrl)
  const heard = join(folder, 'heard')
  await mkdir(heard)
  project.provide('heard', heard)
  project.provide('mongodProgram', programs.mongod ?? '')
  project.provide('redisProgram', programs.redis ?? '')
  project.provide('chromium', (await findBrowser()) ?? '')

  const redisClient = started.adopt(new Redis(redisUrl), (one) => one.disconnect())
  const watch = await watchForCanaries(heard, redisClient)

  const running = started.move()
  return async () => {
    const found = await watch.found()
    await running.disposeAsync()
    if (found.length > 0) throw new Error(`values of people were heard where none may be:\n${found.slice(0, 20).join('\n')}`)
  }
}

async function mongodb(program = '', folder: string, started: AsyncDisposableStack): Promise<string> {
  const server = await startMongod({ program, folder: join(folder, 'mongo'), cacheGigabytes: 0.5 })
  started.defer(async () => void (await server.stop()))
  return server.uri
}

async function redis(program = '', folder: string, started: AsyncDisposableStack): Promise<string> {
  const server = await startRedis({ program, folder: join(folder, 'redis') })
  started.defer(async () => void (await server.stop()))
  return server.uri
}
