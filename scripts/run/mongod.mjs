import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../setup/problem.mjs'
import { leashedServer } from './leashed-server.mjs'
import { freePort } from './port.mjs'

const set = 'rs0'

/**
 * Starts mongod as a replica set of one (transactions need a replica set) on the loopback address, with its data in
 * `folder`. Resolves when it takes writes: `{ uri, ended, stop }`. Fails with a Problem. `transactionSeconds`: what a gateway
 * that was killed had begun keeps others from the same customer so long; MongoDB's own minute is too long for that.
 */
export async function startMongod({ program, folder, port: preferred, cacheGigabytes = 0.5, transactionSeconds = 3 }) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const port = await freePort(preferred)
  const log = join(folder, 'mongod.log')
  const server = leashedServer(program, [
    ...['--dbpath', folder, '--logpath', log, '--bind_ip', '127.0.0.1', '--port', String(port), '--replSet', set],
    ...['--wiredTigerCacheSizeGB', String(cacheGigabytes), '--oplogSize', '128', '--nounixsocket', '--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ...['--setParameter', `transactionLifetimeLimitSeconds=${transactionSeconds}`],
  ])
  const died = server.ended.then((code) => {
    throw new Problem(`mongod ended at its start (exit code ${code}); the last lines of ${log} say why.`)
  })
  try {
    await Promise.race([died, becomePrimary(port)])
  } catch (error) {
    await server.stop()
    throw error
  }
  return { uri: `mongodb://127.0.0.1:${port}/?replicaSet=${set}`, ended: server.ended, stop: server.stop }
}

async function becomePrimary(port) {
  const { MongoClient } = await import('mongodb') // not before the packages are installed
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, { serverSelectionTimeoutMS: 30_000 })
  try {
    const admin = client.db('admin')
    const members = [{ _id: 0, host: `127.0.0.1:${port}` }]
    const config = await currentConfig(admin)
    if (!config) await initiate(admin, members)
    // The usual port was taken this time: the stored configuration names another, so it has to be told.
    else if (config.members[0].host !== members[0].host)
      await admin.command({ replSetReconfig: { ...config, version: config.version + 1, members }, force: true })
    for (let attempt = 0; attempt < 600; attempt++) {
      if ((await admin.command({ hello: 1 })).isWritablePrimary) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Problem('mongod did not become writable within 30 seconds; see mongod.log in its data folder.')
  } finally {
    await client.close()
  }
}

/** After a kill mongod may still be reading the configuration that it has: first there is none, then there is one. */
async function initiate(admin, members) {
  try {
    await admin.command({ replSetInitiate: { _id: set, members } })
  } catch (error) {
    if (error.codeName !== 'AlreadyInitialized') throw error
  }
}

async function currentConfig(admin) {
  try {
    return (await admin.command({ replSetGetConfig: 1 })).config
  } catch (error) {
    if (error.codeName === 'NotYetInitialized') return undefined
    throw error
  }
}
