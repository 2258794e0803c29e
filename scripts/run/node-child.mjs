import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { node24, root } from '../setup/places.mjs'

/**
 * Starts a program of this repository on Node 24, its output in `log`. Like a native server it does not hear Ctrl-C; when this
 * process is gone, the channel between them closes (`disconnect`), and it stops as if it had been told to. `stop` asks, waits
 * 10 seconds for requests to drain, then insists.
 */
export function nodeChild({ program, flags = [], args = [], env, log }) {
  const output = openSync(log, 'w', 0o600)
  const child = spawn(node24, [...flags, program, ...args], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  const ended = new Promise((resolve) => {
    child.once('error', () => resolve(127))
    child.once('exit', (code) => resolve(code ?? 1))
  })
  const stop = async () => {
    child.kill('SIGTERM')
    const insist = setTimeout(() => child.kill('SIGKILL'), 10_000)
    const code = await ended
    clearTimeout(insist)
    return code
  }
  return { ended, stop, lastWords: () => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n') }
}
