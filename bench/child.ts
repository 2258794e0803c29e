import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a server under measurement tells over its channel: first its port, then its own use of the machine whenever it is asked. */
export interface Usage {
  /** Microseconds of processor time since its start. */
  readonly cpu: number
  /** Resident bytes. */
  readonly rss: number
}

export interface Child extends AsyncDisposable {
  readonly port: number
  readonly usage: () => Promise<Usage>
}

/** The core that servers get for themselves, set by `run.mjs` where it could pin; the load and the databases run on the others. */
export const serverCore = process.env['BENCH_SERVER_CORE']

/** What `npm start` tells Node where it runs the gateway, handed on by `run.mjs`. */
export const gatewayFlags = process.env['BENCH_GATEWAY_FLAGS']?.split(' ') ?? []

/** The command that does the same on the servers' core. */
export const onServerCore = (command: readonly string[]): readonly string[] => (serverCore === undefined ? command : ['taskset', '-c', serverCore, ...command])

/** Starts one of the files beside this one as a process of its own: production settings, logs on and written to nowhere. `flags` are Node's. */
export async function startChild(file: string, env: Readonly<Record<string, string>>, flags: readonly string[] = []): Promise<Child> {
  const program = fileURLToPath(new URL(file, import.meta.url))
  const profile = process.env['BENCH_PROFILE'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${process.env['BENCH_PROFILE']}`]
  const [first = '', ...rest] = onServerCore([process.execPath, ...profile, ...flags, program])
  const child = spawn(first, rest, {
    env: { ...process.env, NODE_ENV: 'production', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const said: unknown[] = await Promise.race([once(child, 'message'), ended.then(() => Promise.reject(new Error(`${file} ended at its start`)))])
  return {
    port: portIn(said[0]),
    usage: async () => {
      child.send('usage')
      const [answer]: unknown[] = await once(child, 'message')
      return usageIn(answer)
    },
    [Symbol.asyncDispose]: async () => {
      child.disconnect()
      await ended
    },
  }
}

/** The other side: to be called by the server process once it listens. It ends when the benchmark lets go of it. */
export function serveAsChild(port: number, close: () => Promise<void>): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() } satisfies Usage)
  })
  process.once('disconnect', () => void close().finally(() => process.exit()))
  process.send?.({ port })
}

function portIn(message: unknown): number {
  if (typeof message === 'object' && message !== null && 'port' in message && typeof message.port === 'number') return message.port
  throw new Error('the server process did not say its port')
}

function usageIn(message: unknown): Usage {
  if (
    typeof message === 'object' &&
    message !== null &&
    'cpu' in message &&
    'rss' in message &&
    typeof message.cpu === 'number' &&
    typeof message.rss === 'number'
  )
    return { cpu: message.cpu, rss: message.rss }
  throw new Error('the server process did not say its usage')
}
