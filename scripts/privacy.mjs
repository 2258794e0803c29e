import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { compile } from './run/compile.mjs'
import { preparePackages } from './setup/packages.mjs'
import { node24, root } from './setup/places.mjs'
import { runOrExplain } from './setup/problem.mjs'

// What is printed may go into a file, so progress goes beside it.
const aside = (line) => console.error(`• ${line}`)

/** `npm run privacy -- records | notice`: installs and compiles what is missing, then prints. */
await runOrExplain(async () => {
  await preparePackages(aside)
  await compile(aside)
  const child = spawn(node24, [join(root, 'scripts/run/print-privacy.mjs'), ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
})
