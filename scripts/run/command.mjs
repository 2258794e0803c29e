import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { preparePackages } from '../setup/packages.mjs'
import { node24, root } from '../setup/places.mjs'
import { runOrExplain } from '../setup/problem.mjs'
import { compile } from './compile.mjs'

// What is printed may go into a file, so progress goes beside it.
const aside = (line) => console.error(`• ${line}`)

/** Installs and compiles what is missing, then runs one of the commands in `print.mjs` with the arguments of this process. */
export async function runCommand(name) {
  await runOrExplain(async () => {
    await preparePackages(aside)
    await compile(aside)
    const child = spawn(node24, [join(root, 'scripts/run/print.mjs'), name, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    })
  })
}
