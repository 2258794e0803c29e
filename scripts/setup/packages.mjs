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
    await install()
  }
  await prepareNode()
  if (installed !== wanted) await writeFile(stamp, `${wanted}\n`)
}

// Compiling and testing need the development packages whatever NODE_ENV says; a warning about Node 20 is expected, Node 24 is one of them.
const quietly = ['--include=dev', '--loglevel=error', '--no-fund', '--no-audit']

async function install() {
  if ((await command('npm', ['ci', ...quietly], { cwd: root, seconds: 1200 })).ok) return
  // Where a registry lacks the builds for some other system, npm ci refuses the whole lockfile; this keeps to the same versions.
  if ((await command('npm', ['install', '--no-save', ...quietly], { cwd: root, seconds: 1200, show: true })).ok) return
  throw new Problem('npm could not install the packages (see above); check the network or the registry that npm is set to, then run the command again.')
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
