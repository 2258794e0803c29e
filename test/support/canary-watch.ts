import { appendFile, readdir, readFile } from 'node:fs/promises'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'

// Whatever test is run: values that only a person's data has are in no line that any gateway logs, in no metric, and in no command to Redis.
// Each such value begins alike (see `newCanary`), as it is or in hex.

const canary = /cnry[0-9a-f]{16}|636e7279(?:3[0-9]|6[1-6]){16}/i
/** What a test puts there itself, to see whether it is found. */
const planted = 'planted'
const sown = `cnry${'0'.repeat(16)}`

const canaryIn = (text: string): string | null => (text.includes(planted) ? null : (canary.exec(text)?.[0] ?? null))

/** Where a process of the run writes what it heard: a line each. */
const fileIn = (folder: string): string => join(folder, `${process.pid}.heard`)

export const heard = (folder: string, what: 'log' | 'metric', line: string): void => appendFileSync(fileIn(folder), `${what} ${line.trimEnd()}\n`)

/** Listens to all that Redis is told from now on. `found` ends it, and tells in which places there was a canary, and what came before it. */
export async function watchForCanaries(folder: string, redis: Redis) {
  const told: string[] = []
  const monitor = await redis.monitor()
  const sownHeard = new Set<string>()
  monitor.on('monitor', (_at: string, command: string[]) => {
    const text = command.join(' ')
    if (text.includes(sown)) sownHeard.add(command[0] ?? '')
    const one = canaryIn(text.replaceAll(sown, ''))
    if (one !== null) told.push(`redis ${command[0]} ${text.slice(0, 200)}`)
  })
  return {
    async found(): Promise<string[]> {
      // A watch that does not hear what is sown has heard nothing.
      await appendFile(fileIn(folder), `log ${sown}\n`)
      await redis.echo(sown)
      for (let waited = 0; sownHeard.size === 0 && waited < 100; waited++) await redis.ping()
      monitor.disconnect()
      const files = await readdir(folder)
      const lines = (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).flatMap((text) => text.split('\n'))
      const isBlind = sownHeard.size === 0 || !lines.some((line) => line.includes(sown))
      const inLines = lines.filter((line) => canaryIn(line.replaceAll(sown, '')) !== null).map((line) => line.slice(0, 400))
      return [...(isBlind ? ['the watch itself hears nothing'] : []), ...inLines, ...told]
    },
  }
}
