import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setup } from './setup.mjs'
import { node24, root } from './setup/places.mjs'
import { runOrExplain } from './setup/problem.mjs'

/** `npm test [-- what vitest takes]`: makes the clone ready, then runs vitest on Node 24. */
await runOrExplain(async () => {
  await setup()
  return vitest(process.argv.slice(2))
})

function vitest(args) {
  const child = spawn(node24, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], { cwd: root, stdio: 'inherit' })
  // The terminal sends Ctrl-C to vitest as well; it stops its servers, and we wait for that.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}
