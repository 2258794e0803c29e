import { join } from 'node:path'
import { root } from '../setup/places.mjs'
import { Problem } from '../setup/problem.mjs'
import { say, setup } from '../setup.mjs'
import { announce } from './announce.mjs'
import { compile } from './compile.mjs'
import { demoEnvironment, demoPorts, needsDemo } from './demo.mjs'
import { gatewayFlags } from './gateway-flags.mjs'
import { keptSecret } from './kept-secrets.mjs'
import { startMongod } from './mongod.mjs'
import { nodeChild } from './node-child.mjs'
import { takeDataFolder, waitForOldMongod } from './one-at-a-time.mjs'
import { isFree } from './port.mjs'
import { startRedis } from './redis.mjs'
import { firstEnd, untilListening, untilReady } from './waiting.mjs'

const data = process.env.DATA_FOLDER || join(root, '.data')

/** Starts what is needed, in the order it is needed, says where to go, and stops it in reverse when asked to. */
export async function runEverything({ workers }) {
  const started = [] // each { what, ended, stop, lastWords? }
  const asked = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve('stop'))
  })
  const programs = await Promise.race([setup(), asked])
  if (programs === 'stop') process.exit(130)
  const folder = takeDataFolder(data)
  const up = bringUp({ programs, workers, started, patience: folder.stale ? 12_000 : 0 })
  try {
    // Asked to stop while still starting: what is under way ends first, or it would be left behind.
    if ((await Promise.race([up, asked])) === 'stop') await up.catch(() => {})
    else announce(await up)
    await Promise.race([asked, firstEnd(started)])
    say('Stopping: requests under way are finished first …')
  } finally {
    for (const { stop } of started.reverse()) await stop()
    folder.giveBack()
  }
  return 0
}

async function bringUp({ programs, workers, started, patience }) {
  const demo = needsDemo(process.env) ? demoEnvironment(data) : undefined
  const port = Number(process.env.PORT || 4000)
  await checkPorts(new Map([[port, 'the gateway'], ...(demo ? demoPorts : [])]), patience)
  const [servers] = await settled([startServers(programs, started), compile(say)])

  const env = { ...process.env, PORT: String(port), ...servers, ENTENTE_SECRET: process.env.ENTENTE_SECRET || keptSecret(data), ...demo?.gateway }
  const publicUrl = process.env.PUBLIC_URL || `http://localhost:${port}`
  if (demo)
    startNode(started, 'the demo', { program: 'dist/demo/main.js', env: { ...process.env, PUBLIC_URL: publicUrl, ...demo.demo }, log: join(data, 'demo.log') })
  const log = join(data, 'gateway.log')
  if (workers === 1) startNode(started, 'the gateway', { program: 'dist/src/main.js', flags: gatewayFlags(), env, log })
  else startNode(started, 'the gateway', { program: 'scripts/workers.mjs', args: [String(workers)], env, log })

  const ready = [untilReady(`http://127.0.0.1:${port}/health/ready`), ...(demo ? [...demoPorts.keys()].map(untilListening) : [])]
  await Promise.race([Promise.all(ready), firstEnd(started)])
  return { publicUrl, demo: demo !== undefined, workers, logs: data }
}

async function startServers(programs, started) {
  const mongo = async () => {
    const folder = join(data, 'mongo')
    await waitForOldMongod(folder)
    const server = await startMongod({ program: programs.mongod, folder, port: 27_117 })
    started.push({ what: 'mongod', ...server })
    return server.uri.replace('/?', '/entente?')
  }
  const redis = async () => {
    const server = await startRedis({ program: programs.redis, folder: join(data, 'redis'), port: 6_479 })
    started.push({ what: 'the Redis server', ...server })
    return server.uri
  }
  const [MONGODB_URI, REDIS_URL] = await settled([process.env.MONGODB_URI || mongo(), process.env.REDIS_URL || redis()])
  return { MONGODB_URI, REDIS_URL }
}

/** Like Promise.all, but waits for the others before it fails: what they started must be known to be stopped. */
async function settled(works) {
  await Promise.allSettled(works)
  return Promise.all(works)
}

function startNode(started, what, options) {
  started.push({ what, ...nodeChild(options) })
}

async function checkPorts(ports, patience) {
  const until = Date.now() + patience
  for (const [port, what] of ports) {
    while (!(await isFree(port))) {
      if (Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100))
      else
        throw new Problem(
          `Port ${port} (${what}) is in use by another program; stop that one${what === 'the gateway' ? ', or choose another port: PORT=4400 npm start' : ''}.`,
        )
    }
  }
}
