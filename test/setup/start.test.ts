import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const program = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url))

/** `npm start` as somebody has it who has nothing yet: no data, no servers of their own. With credentials, since the demo's ports are fixed. */
async function start(...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'entente-start-'))
  const port = await anyPort()
  const { PATH = '', HOME = '', XDG_CACHE_HOME = '' } = process.env
  const credentials = { GOOGLE_CLIENT_ID: 'shop.apps.example', GOOGLE_CLIENT_SECRET: 'known to this test' }
  const env = { PATH, HOME, XDG_CACHE_HOME, ...credentials, PORT: String(port), DATA_FOLDER: folder }
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)))
  const ended = once(child, 'exit').then(([code]) => code)
  onTestFinished(async () => {
    child.kill()
    await ended
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const isReady = new Promise<void>((resolve) => child.stdout.on('data', () => said.includes('Ctrl-C stops everything') && resolve()))
  await Promise.race([isReady, ended.then(() => Promise.reject(new Error(said)))])
  const status = () =>
    fetch(`http://localhost:${port}/health/ready`, { signal: AbortSignal.timeout(1_000) }).then(
      (answer) => answer.status,
      () => 'refused',
    )
  return { pid: child.pid ?? 0, port, folder, said, status, stop: () => child.kill('SIGTERM'), ended }
}

async function anyPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return address !== null && typeof address === 'object' ? address.port : 0
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

async function processes(): Promise<Process[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,args='])
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, command = ''] = /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? []
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }]
  })
}

const childrenOf = async (pid: number, word: string): Promise<number[]> =>
  (await processes()).filter(({ parent, command }) => parent === pid && command.includes(word)).map((one) => one.pid)

test('npm start brings up all it needs, says where to go, and takes all of it away again', async () => {
  const { folder, port, said, status, stop, ended } = await start()
  expect(said).toContain(`http://localhost:${port}/account`)
  expect(await status()).toBe(200)
  const servers = (await processes()).filter(({ command }) => command.includes(folder))
  expect(servers.map(({ command }) => /mongod|redis|valkey/.exec(command)?.[0])).not.toContain(undefined)

  stop()
  expect(await ended).toBe(0)
  expect((await processes()).filter(({ command }) => command.includes(folder))).toEqual([])
  expect(await status()).toBe('refused')
}, 90_000)

test('npm start -- --workers 2: either answers without the other, and one that is killed is replaced', async () => {
  const { pid, folder, said, status } = await start('--workers', '2')
  expect(said).toContain('2 processes')
  const [primary = 0] = await childrenOf(pid, 'workers.mjs')
  const listening = async () => (await readFile(join(folder, 'gateway.log'), 'utf8')).split('"msg":"listening"').length - 1
  await expect.poll(listening, { timeout: 20_000 }).toBe(2)
  const first = await childrenOf(primary, 'main.js')
  expect(first).toHaveLength(2)
  for (const [n, worker] of first.entries()) {
    process.kill(worker, 'SIGKILL')
    await expect.poll(status, { timeout: 5_000 }).toBe(200)
    await expect.poll(listening, { timeout: 20_000 }).toBe(3 + n)
  }
  const now = await childrenOf(primary, 'main.js')
  expect([now.length, now.filter((one) => first.includes(one))]).toEqual([2, []])
}, 90_000)
