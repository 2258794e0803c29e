import { spawn } from 'node:child_process'
import { machinePath } from './places.mjs'

/**
 * Runs a program of the machine to its end, within `seconds`. Answers `{ ok, output }`, where output is what it printed;
 * a program that is missing or takes too long is simply not ok. With `show`, it prints to the terminal instead.
 */
export function command(program, args, { cwd, env = {}, seconds = 60, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, PATH: machinePath(), ...env },
      stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      timeout: seconds * 1000,
    })
    // Whoever stops us does not leave an npm behind that goes on alone.
    const take = () => child.kill()
    process.once('exit', take)
    child.once('close', () => process.off('exit', take))
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.once('error', (error) => resolve({ ok: false, output: error.message }))
    child.once('close', (code) => resolve({ ok: code === 0, output: output.trim() }))
  })
}
