import 'reflect-metadata'
import { pathToFileURL } from 'node:url'
import { destination, pino, type Logger } from 'pino'
import { readConfig, type Config } from './config/env.ts'
import { withPort } from './config/port.ts'
import { createMetrics } from './http/metrics.ts'
import { readRules } from './wiring/rules.ts'
import { openStandings } from './wiring/standings.ts'
import { openStorage, type OtherParts } from './wiring/storage.ts'

export type { OtherParts } from './wiring/storage.ts'

export interface Running extends AsyncDisposable {
  /** The public address. */
  readonly url: string
  /** The address it listens on. */
  readonly address: string
  /** Reads policy, clients and providers anew, now; otherwise they are looked at every two seconds. What cannot be used changes nothing. */
  reload(): Promise<void>
}

/** Reads the configuration, builds the parts, listens. What was begun is undone in reverse order when a step fails, and by disposing. */
export async function start(env: Readonly<Record<string, string | undefined>>, other: OtherParts = {}): Promise<Running> {
  const opened = new AsyncDisposableStack()
  try {
    const config = await withPort(readConfig(env), env['PUBLIC_URL'])
    const log = other.log ?? openLog(config)
    // Before anything is opened: what is wrong with them is told without a data base too.
    const first = await readRules(config)
    const storage = await openStorage(opened, config, other)
    const { address, reload } = await openStandings(opened, { config, log, metrics: createMetrics(), storage, other }, first)
    log.info({ address, public: config.publicUrl }, 'listening')
    return { url: config.publicUrl, address, reload, [Symbol.asyncDispose]: () => opened.disposeAsync() }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

function openLog(config: Config): Logger {
  return pino(
    { level: config.logLevel, base: { name: 'entente' }, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 500 }),
  )
}

/** Runs until told to stop: then answers what is under way, and ends. */
async function run(): Promise<void> {
  const running = await start(process.env)
  let stopping = false
  const stop = (): void => {
    if (stopping) return
    stopping = true
    void running[Symbol.asyncDispose]().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  process.once('disconnect', stop)
  process.on('SIGHUP', () => void running.reload().catch(() => {}))
  process.send?.({ ready: running.address })
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  // What is wrong with the configuration is said in sentences; a stack would bury it.
  await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  })
}
