import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'

const starter = (module: string, call: string) => `
  import { ${call.split('(')[0]} } from ${JSON.stringify(new URL(`../../scripts/run/${module}`, import.meta.url).href)}
  const server = await ${call}
  console.log(new URL(server.uri).port)
  setInterval(() => {}, 1000)`

test.for([
  { server: 'mongod', module: 'mongod.mjs', call: 'startMongod', program: inject('mongodProgram') },
  { server: 'Redis', module: 'redis.mjs', call: 'startRedis', program: inject('redisProgram') },
])('$server does not outlive the process that started it, not even after kill -9', async ({ module, call, program }) => {
  expect(program, 'the servers of this run were given by address').not.toBe('')
  const folder = mkdtempSync(join(tmpdir(), 'entente-orphans-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const script = starter(module, `${call}(${JSON.stringify({ program, folder })})`)
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(parent.stdout, 'data')
  const port = Number(String(line).trim())
  expect(await accepts(port)).toBe(true)

  parent.kill('SIGKILL')
  await expect.poll(() => accepts(port), { timeout: 20_000 }).toBe(false)
})

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
