import 'reflect-metadata'
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { destination, pino, type Logger } from 'pino'
import { readProviders } from './broker/providers-file.ts'
import { ClientsError, knownSecrets, readClients, type Client } from './config/clients.ts'
import { readConfig, type Config } from './config/env.ts'
import { readPolicy, type Policy } from './config/policy.ts'
import { refuseReusedNames } from './consent/reused-names.ts'
import { withSeenScopes } from './consent/scopes.ts'
import { withPort } from './config/port.ts'
import { createMetrics } from './http/metrics.ts'
import { openDoors } from './wiring/doors.ts'
import { openHouse } from './wiring/house.ts'
import { openServer } from './wiring/server.ts'
import { openStorage, type OtherParts } from './wiring/storage.ts'
import { openWatch } from './wiring/watch.ts'
import { openWork } from './wiring/work.ts'

export type { OtherParts } from './wiring/storage.ts'

export interface Running extends AsyncDisposable {
  /** The public address. */
  readonly url: string
  /** The address it listens on. */
  readonly address: string
}

/** Reads the configuration, builds the parts, listens. What was begun is undone in reverse order when a step fails, and by disposing. */
export async function start(env: Readonly<Record<string, string | undefined>>, other: OtherParts = {}): Promise<Running> {
  const opened = new AsyncDisposableStack()
  try {
    const config = await withPort(readConfig(env), env['PUBLIC_URL'])
    const log = other.log ?? openLog(config)
    const files = await readFiles(config)
    const storage = await openStorage(opened, config, other)
    const metrics = createMetrics()
    await refuseReusedNames(files.policy.attributes, storage.rows.seenAttributes)
    const policy = await withSeenScopes(files.policy, storage.rows.seenScopes)
    const base = { config, log, metrics, storage, ...files, policy, other }
    const house = { ...base, ...(await openHouse(opened, base)) }
    const doors = { ...house, ...(await openDoors(opened, house)) }
    openWork(opened, doors)
    openWatch(opened, doors)
    const server = await openServer(opened, doors)
    const address = await server.listen({ host: config.host, port: config.port })
    log.info({ address, public: config.publicUrl }, 'listening')
    return { url: config.publicUrl, address, [Symbol.asyncDispose]: () => opened.disposeAsync() }
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

async function readFiles(config: Config): Promise<{ policy: Policy; clients: Client[]; further: ReturnType<typeof readProviders> }> {
  const policy = readPolicy(await readFile(config.policyFile, 'utf8'), config.policyFile)
  const clients = readClients(await readFile(config.clientsFile, 'utf8'), config.clientsFile, policy).map((client) => withOwnPages(client, config.publicUrl))
  const known = config.loopback ? [] : knownSecrets(clients)
  if (known.length > 0) throw new ClientsError(known)
  const further = config.providersFile === undefined ? [] : readProviders(await readFile(config.providersFile, 'utf8'), config.providersFile)
  return { policy, clients, further }
}

/** The account centre's pages are where this house is, so its registration need not say so. */
function withOwnPages(client: Client, publicUrl: string): Client {
  if (client.id !== 'account') return client
  return {
    ...client,
    redirectUris: [...client.redirectUris, `${publicUrl}/account/callback`],
    postLogoutRedirectUris: [...client.postLogoutRedirectUris, `${publicUrl}/account/signed-out`],
  }
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
  process.send?.({ ready: running.address })
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  // What is wrong with the configuration is said in sentences; a stack would bury it.
  await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  })
}
