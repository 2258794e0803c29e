import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { command } from '../setup/command.mjs'
import { node24, root } from '../setup/places.mjs'
import { Problem } from '../setup/problem.mjs'

const sources = ['src', 'demo', 'bench', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']

/** Compiles to dist/, unless nothing has changed since the last time. Fails with a Problem after the compiler's own words. */
export async function compile(say) {
  const built = join(root, 'dist/.tsbuildinfo')
  const stamp = join(root, 'dist/src/main.js')
  if (existsSync(built) && existsSync(stamp) && newest(sources) < statSync(built).mtimeMs) return
  say('Compiling …')
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  // Each further checker looks at the same types again: with the usual four it is nearly three times the processor time.
  const { ok, output } = await command(node24, [compiler, '-p', 'tsconfig.build.json', '--checkers', '1'], { cwd: root, seconds: 300 })
  if (ok) return
  throw new Problem(`${output}\n\nThe sources do not compile (see above); mend them, or go back to a commit that does.`)
}

function newest(paths) {
  return Math.max(
    ...paths
      .map((path) => join(root, path))
      .filter(existsSync)
      .map(changed),
  )
}

function changed(path) {
  const at = statSync(path)
  return at.isDirectory() ? Math.max(at.mtimeMs, ...readdirSync(path).map((name) => changed(join(path, name)))) : at.mtimeMs
}
