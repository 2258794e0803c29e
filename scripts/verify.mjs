import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { node24, root } from './setup/places.mjs'

/** `npm run verify -- FILE_OR_DIR`: the verifier that outsiders run, on our Node where it is installed. */
const verifier = join(root, 'verify/entente-verify.mjs')
const ran = spawnSync(node24, [verifier, ...process.argv.slice(2)], { stdio: 'inherit' })
process.exitCode =
  ran.error === undefined ? (ran.status ?? 1) : (spawnSync(process.execPath, [verifier, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1)
