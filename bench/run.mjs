import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from '../scripts/run/compile.mjs'
import { gatewayFlags } from '../scripts/run/gateway-flags.mjs'
import { startMongod } from '../scripts/run/mongod.mjs'
import { startRedis } from '../scripts/run/redis.mjs'
import { cacheFolder, node24, root } from '../scripts/setup/places.mjs'
import { runOrExplain } from '../scripts/setup/problem.mjs'
import { say, setup } from '../scripts/setup.mjs'

/** `npm run bench`: the set-up of `npm start`, databases of its own in a folder that goes with them, then main.ts on Node 24. */
await runOrExplain(async () => {
  const programs = await setup()
  await compile(say)
  const pinned = pinToOtherCores()
  const folder = mkdtempSync(join(tmpdir(), 'entente-bench-'))
  const { kept, cacheGigabytes } = keptAtFullSize()
  const servers = []
  try {
    const MONGODB_URI =
      process.env.MONGODB_URI || (await started(startMongod({ program: programs.mongod, folder: kept ?? join(folder, 'mongo'), cacheGigabytes })))
    const REDIS_URL = process.env.REDIS_URL || (await started(startRedis({ program: programs.redis, folder: join(folder, 'redis') })))
    return await run({ ...process.env, MONGODB_URI, REDIS_URL, BENCH_GATEWAY_FLAGS: gatewayFlags().join(' '), ...pinned })
  } finally {
    for (const server of servers) await server.stop()
    rmSync(folder, { recursive: true, force: true })
    if (kept !== undefined) say(`What was filled stays for the next run, in ${kept}; remove the folder to be rid of it.`)
  }

  async function started(starting) {
    const server = await starting
    servers.push(server)
    return server.uri
  }
})

// A million people take minutes to fill in, so they are kept; and a house of that size gives its database more than the tests do.
function keptAtFullSize() {
  const { size } = parseArgs({ options: { size: { type: 'string' } }, strict: false }).values
  return size === 'full' ? { kept: join(cacheFolder(), 'bench-full'), cacheGigabytes: 4 } : { kept: undefined, cacheGigabytes: 0.5 }
}

// Children inherit it: the load and the databases run beside the server that is measured, never in its place.
function pinToOtherCores() {
  const cores = availableParallelism()
  if (cores < 2) return {}
  try {
    execFileSync('taskset', ['-apc', `1-${cores - 1}`, String(process.pid)], { stdio: 'ignore' })
    return { BENCH_SERVER_CORE: '0' }
  } catch {
    return {}
  }
}

function run(env) {
  const child = spawn(node24, [join(root, 'dist/bench/main.js'), ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' })
  // Ctrl-C reaches the child as well; we wait for it, so that the databases go last.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
