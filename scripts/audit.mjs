import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { compile } from './run/compile.mjs'
import { keptSecret } from './run/kept-secrets.mjs'
import { preparePackages } from './setup/packages.mjs'
import { node24, root } from './setup/places.mjs'
import { runOrExplain } from './setup/problem.mjs'

const aside = (line) => console.error(`• ${line}`)

/** `npm run audit -- export | report`: for the database that the environment names, or that of a running `npm start`. */
await runOrExplain(async () => {
  await preparePackages(aside)
  await compile(aside)
  const env = process.env.MONGODB_URI ? process.env : { ...process.env, ...ofNpmStart() }
  const child = spawn(node24, [join(root, 'dist/src/wiring/audit-command.js'), ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
})

function ofNpmStart() {
  const data = process.env.DATA_FOLDER || join(root, '.data')
  return {
    MONGODB_URI: 'mongodb://127.0.0.1:27117/entente?replicaSet=rs0',
    REDIS_URL: 'redis://127.0.0.1:6479',
    ENTENTE_SECRET: process.env.ENTENTE_SECRET || keptSecret(data),
  }
}
