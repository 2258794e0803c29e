import { command } from './command.mjs'
import { cacheFolder, node24, root } from './places.mjs'

// Its makers publish no hash to pin for every system, so this comes last: after what is installed and after the pinned download.
const script = `
import { MongoBinary } from 'mongodb-memory-server-core/lib/util/MongoBinary.js'
import { MongoBinaryDownloadUrl } from 'mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js'
import { DryMongoBinary } from 'mongodb-memory-server-core/lib/util/DryMongoBinary.js'
import { platform } from 'node:os'
const wanted = { version: '8.0.17', downloadDir: process.argv[1], checkMD5: true }
const address = await new MongoBinaryDownloadUrl({ ...(await DryMongoBinary.generateOptions(wanted)), platform: platform() }).getDownloadUrl()
await fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(5000) }) // out of reach: said at once, not after minutes
console.log(await MongoBinary.getPath(wanted))
`

/** mongod as its makers publish it, through mongodb-memory-server; undefined where their server is not in reach. */
export async function mongodFromMakers(say) {
  say('Asking for a mongod from its makers …')
  const { ok, output } = await command(node24, ['--input-type=module', '--eval', script, cacheFolder()], { cwd: root, seconds: 300 })
  return ok ? output.split('\n').at(-1) : undefined
}
