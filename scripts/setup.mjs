import { preparePackages } from './setup/packages.mjs'
import { Problem } from './setup/problem.mjs'
import { findChromium, findMongod, findRedis } from './setup/programs.mjs'

/** Prints one line of progress. */
export const say = (line) => console.log(`• ${line}`)

/**
 * Makes a fresh clone ready: the locked packages, Node 24, and the servers that the environment does not name already.
 * Needs Node 20.19 or later and nothing else. Answers the paths of mongod and of the Redis server; undefined means "use
 * MONGODB_URI" or "use REDIS_URL". Fails with a Problem.
 */
export async function setup() {
  checkNode()
  await preparePackages(say)
  return findServers()
}

/** The servers alone, for a run that was started without the set-up around it. */
export async function findServers() {
  const [mongod, redis] = await Promise.all([process.env.MONGODB_URI ? undefined : findMongod(say), process.env.REDIS_URL ? undefined : findRedis(say)])
  return { mongod, redis }
}

/** The Chromium for browser tests, or undefined after saying what is missing: the other tests still have their worth. */
export async function findBrowser() {
  try {
    return await findChromium(say)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    console.error(error.message)
    return undefined
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Problem(
    `Entente is set up with Node 20.19 or later, and this is ${process.versions.node}; install a newer one (Node 24, on which it runs, then comes by itself).`,
  )
}
