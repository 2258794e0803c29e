import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.mjs'
import { node24, root } from './places.mjs'
import { Problem } from './problem.mjs'

const stamp = join(root, 'node_modules/.entente-installed')

/** Installs the locked packages when they are missing or the lockfile has changed, and sees to it that Node 24 runs. */
export async function preparePackages(say) {
  const wanted = createHash('sha256')
    .update(await readFile(join(root, 'package-lock.json')))
    .digest('hex')
  const installed = existsSync(stamp) ? (await readFile(stamp, 'utf8')).trim() : ''
  if (installed !== wanted) {
    say('Installing the locked packages (npm ci), the first time a minute or two …')
    // Compiling and testing need the development packages whatever NODE_ENV says; EBADENGINE on Node 20 is expected, Node 24 comes with them.
    const args = ['ci', '--include=dev', '--loglevel=error', '--no-fund', '--no-audit']
    const { ok } = await command('npm', args, { cwd: root, seconds: 1200, show: true })
    if (!ok)
      throw new Problem('npm could not install the packages (see above); check the network or the registry that npm is set to, then run the command again.')
  }
  await prepareNode()
  if (installed !== wanted) await writeFile(stamp, `${wanted}\n`)
}

/** npm may be set to run no install scripts; the one of the package `node` puts the real binary in its place. */
async function prepareNode() {
  if (await runsNode24()) return
  const script = 'installArchSpecificPackage.js'
  await command(process.execPath, [script], { cwd: join(root, 'node_modules/node'), seconds: 300 })
  if (await runsNode24()) return
  throw new Problem('Node 24 could not be put in place by the npm package "node"; run "npm rebuild node" and read what it says.')
}

async function runsNode24() {
  const { ok, output } = await command(node24, ['--version'])
  return ok && output.startsWith('v24.')
}
