import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { serverCore, type Child, type Usage } from '../child.ts'
import { realm, realmFile } from './realm.ts'

const microsecondsPerTick = 10_000
const heldPage = 4096

/** A database of its own for one bench: Keycloak's own file database, the only one of its guide that needs no further software. */
const database = (folder: string) => ['--db-url', `jdbc:h2:file:${join(folder, 'keycloak')};NON_KEYWORDS=VALUE`]

/** Imports the realm into a new database in `folder`. */
export async function importRealm(home: string, folder: string, haus: string): Promise<void> {
  const file = join(folder, 'realm.json')
  await writeFile(file, JSON.stringify(realmFile(haus)))
  await promisify(execFile)(join(home, 'bin/kc.sh'), ['import', '--optimized', '--file', file, ...database(folder)], { timeout: 300_000 })
}

/** Starts Keycloak as its guide says for production, on plain http as behind a proxy, pinned as ours is. Answers once the realm does. */
export async function startKeycloak(home: string, folder: string): Promise<Child> {
  const port = await freePort()
  const options = ['--http-enabled=true', `--http-port=${port}`, '--http-host=127.0.0.1', '--hostname-strict=false', '--log-level=error', '--cache=local']
  const command = [join(home, 'bin/kc.sh'), 'start', '--optimized', ...options, ...database(folder)]
  const [first = '', ...rest] = serverCore === undefined ? command : ['taskset', '-c', serverCore, ...command]
  // kc.sh and taskset each become what they start: the process is Java's in the end.
  const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill()
    await ended
  }
  try {
    await answersAt(`http://localhost:${port}/realms/${realm}/.well-known/openid-configuration`, () => child.exitCode !== null)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, usage: () => usageOf(child.pid ?? 0), [Symbol.asyncDispose]: stop }
}

/** Until a house answers there, for two minutes at most. */
export async function answersAt(url: string, gone: () => boolean): Promise<void> {
  const latest = performance.now() + 120_000
  while (performance.now() < latest && !gone()) {
    const ready = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (ready) return
    await delay(20)
  }
  throw new Error(`nothing answers at ${url}`)
}

async function usageOf(pid: number): Promise<Usage> {
  const [stat, memory] = await Promise.all(['stat', 'statm'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')))
  // After the name in brackets: state is the first, user and system time the twelfth and thirteenth.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ')
  return { cpu: (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick, rss: Number(memory?.split(' ')[1]) * heldPage }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}
