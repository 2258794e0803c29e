import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setup } from './setup.mjs'
import { node24, root } from './setup/places.mjs'
import { runOrExplain } from './setup/problem.mjs'

/** `npm run test:mutation [-- what Stryker takes]`: mutants of the gate and of what else decides, some hours on one core. */
await runOrExplain(async () => {
  await setup()
  const args = ['run', 'test/mutation/stryker.config.mjs', ...process.argv.slice(2)]
  const child = spawn(node24, [join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js'), ...args], { cwd: root, stdio: 'inherit' })
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
})
