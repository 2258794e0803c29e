import 'reflect-metadata'
import cookie from '@fastify/cookie'
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer as createSocket } from 'node:net'
import { pathToFileURL } from 'node:url'
import type { Connection } from 'mongoose'
import { destination, pino, type Logger } from 'pino'
import { gatedClaims } from './access/gated-claims.ts'
import { loginDoor } from './access/login-door.ts'
import { openOpenIdProvider } from './access/openid-provider.ts'
import type { OpenIdEvent } from './access/openid-configuration.ts'
import { sessionsDoor } from './access/sessions.ts'
import { signOut } from './access/sign-out.ts'
import { subjects as subjectsOf } from './access/subjects.ts'
import { accessTokenSeconds } from './access/api-resource.ts'
import { auditDoor } from './audit/door.ts'
import { auditLog } from './audit/log.ts'
import { auditReads } from './audit/reads.ts'
import { signInWithIdToken } from './broker/device-login.ts'
import { linkingDoor } from './broker/linking-door.ts'
import type { LoginParts } from './broker/login-pipeline.ts'
import { loginTransactions } from './broker/login-transaction.ts'
import { readProviders } from './broker/providers-file.ts'
import { openProviders } from './broker/providers.ts'
import { startLinking } from './broker/start-linking.ts'
import { waitingLogins } from './broker/waiting-login.ts'
import { isRegistered } from './config/client-uris.ts'
import { clientRegistry, readClients, type Client, type ClientRegistry } from './config/clients.ts'
import { readConfig, type Config } from './config/env.ts'
import { builtInPurposes, readPolicy, type Policy } from './config/policy.ts'
import { consentsOf } from './consent/decisions.ts'
import { consentDoor } from './consent/door.ts'
import { views, type ViewOf } from './consent/view.ts'
import { customerDoor } from './customers/door.ts'
import { readAudit } from './graphql/audit-read.ts'
import type { ResolverParts } from './graphql/operation-context.ts'
import { rateLimits } from './graphql/rate-limits.ts'
import { buildEntenteSchema } from './graphql/schema.ts'
import { graphqlServer } from './graphql/server.ts'
import { healthRoutes } from './http/health.ts'
import { createMetrics, type Metrics } from './http/metrics.ts'
import { apiRoutes } from './http/api-routes.ts'
import { loginRoutes } from './http/login-routes.ts'
import { createServer, nameOf } from './http/server.ts'
import { openTracing, traceRequests } from './http/tracing.ts'
import { resolveSignIn } from './linking/resolve.ts'
import { unlinkIdentity } from './linking/unlink.ts'
import { pages } from './pages/routes.ts'
import { stylesheetPath } from './pages/style.ts'
import { pageParts } from './http/page-parts.ts'
import { restrictProcessing } from './privacy/restriction.ts'
import { auditStore } from './storage/audit-log.ts'
import { clientStore } from './storage/clients.ts'
import { ledgerStore } from './storage/consent-ledger.ts'
import { customerStore } from './storage/customers.ts'
import { emailStore } from './storage/emails.ts'
import { identityStore } from './storage/identities.ts'
import { deriveKey, keyStore } from './storage/keys.ts'
import { mongoAnswers, openMongo, prepareCollections } from './storage/mongo.ts'
import { openIdRecords } from './storage/openid-records.ts'
import { onceStore, openRedis, redisAnswers, type RedisConnection } from './storage/redis.ts'
import { inTransaction } from './storage/transaction.ts'

export interface Running extends AsyncDisposable {
  /** The public address. */
  readonly url: string
  /** The address it listens on. */
  readonly address: string
}

/** For tests and benchmarks: other parts in the place of the usual ones. */
export interface OtherParts {
  readonly viewOf?: ViewOf
  readonly log?: Logger
  readonly watchCommands?: (db: Connection) => void
}

/** Reads the configuration, builds the parts, listens. What was begun is undone in reverse order when a step fails, and by disposing. */
export async function start(env: Readonly<Record<string, string | undefined>>, other: OtherParts = {}): Promise<Running> {
  const opened = new AsyncDisposableStack()
  try {
    const config = withPort(readConfig(env), await freePort(env['PORT'], env['HOST'] ?? '127.0.0.1'), env['PUBLIC_URL'])
    const log = other.log ?? openLog(config)
    const files = await readFiles(config)
    const storage = await openStorage(opened, config, other)
    const metrics = createMetrics()
    const house = await openHouse(opened, { config, log, metrics, storage, ...files, other })
    const server = await openServer(opened, { config, log, metrics, storage, house, policy: files.policy })
    const address = await server.listen({ host: config.host, port: config.port })
    log.info({ address, public: config.publicUrl }, 'listening')
    return { url: config.publicUrl, address, [Symbol.asyncDispose]: () => opened.disposeAsync() }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

function openLog(config: Config): Logger {
  return pino({ level: config.logLevel, base: { name: 'entente' }, timestamp: pino.stdTimeFunctions.isoTime }, destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 500 }))
}

async function readFiles(config: Config): Promise<{ policy: Policy; clients: Client[]; further: ReturnType<typeof readProviders> }> {
  const policy = readPolicy(await readFile(config.policyFile, 'utf8'), config.policyFile)
  const clients = readClients(await readFile(config.clientsFile, 'utf8'), config.clientsFile, policy).map((client) => withOwnPages(client, config.publicUrl))
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

type Opened = AsyncDisposableStack
type Storage = Awaited<ReturnType<typeof openStorage>>

async function openStorage(opened: Opened, config: Config, other: OtherParts) {
  const db = opened.adopt(await openMongo(config.mongoUri, { monitorCommands: other.watchCommands !== undefined }), (one) => one.close())
  other.watchCommands?.(db)
  const redis: RedisConnection = opened.adopt(await openRedis(config.redisUrl, config.redisPrefix), (one) => one.disconnect())
  const keys = keyStore(db, { current: config.secret, ...(config.previousSecret !== undefined && { previous: config.previousSecret }) })
  const rows = {
    customers: customerStore(db),
    identities: identityStore(db),
    emails: emailStore(db),
    ledger: ledgerStore(db),
    events: auditStore(db),
    clients: clientStore(db),
  }
  const records = openIdRecords(db, await keys.obtain('openid/1'))
  await prepareCollections(db)
  return { db, redis, keys, rows, records }
}

interface HouseParts {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly storage: Storage
  readonly policy: Policy
  readonly clients: readonly Client[]
  readonly further: ReturnType<typeof readProviders>
  readonly other: OtherParts
}

type House = Awaited<ReturnType<typeof openHouse>>

async function openHouse(opened: Opened, parts: HouseParts) {
  const { config, log, policy, storage, metrics } = parts
  const { db, redis, keys, rows, records } = storage
  const now = Date.now
  const audit = opened.adopt(auditLog(rows.events), (one) => one.close())
  const clients = opened.use(await clientRegistry({ file: parts.clients, collection: rows.clients, policy, unusable: (problems) => log.error({ problems }, 'clients not usable') }))
  const providers = openProviders({ ...config.providers, further: parts.further })
  const subjects = subjectsOf(await keys.obtain('subject/1'))
  const linkingKeys = { identity: await keys.obtain('identity/1'), address: await keys.obtain('address/1') }
  const linking = { db, ...rows, audit, keys: linkingKeys }
  const resolve = (signIn: Parameters<typeof resolveSignIn>[1]) => resolveSignIn(linking, signIn)
  const reached: LoginParts['reached'] = (step, provider, outcome) => metrics.loginReached(step, provider, outcome)

  const hashing = await keys.obtain('hash/1')
  const viewOf = parts.other.viewOf ?? views({ policy, now, hashFor: hashForClient(hashing) })
  const { schema, classification } = buildEntenteSchema(policy)
  const cursorKey = await keys.obtain('cursor/1')
  const customers = customerDoor({ db, store: rows.customers, audit, policy, classification, viewOf, subjects, client: (id) => clients.find(id), cursorKey, now })

  const openid = opened.use(
    await openOpenIdProvider({
      publicUrl: config.publicUrl,
      policy,
      clients,
      records,
      keys,
      subjects,
      accountExists: accountExists(rows.customers),
      undecided: undecided(rows.customers, policy),
      grantEnded: (customer, grant) => rows.customers.endGrant(customer, grant, new Date(now() + accessTokenSeconds * 1000), new Date(now())),
      claimsFor: gatedClaims({ schema, classification, reads: customers.reads, customers: rows.customers }),
      signInWithIdToken: signInWithIdToken({ providers, resolve, reached, spend: spendNonce(records) }),
      knowsProvider: (id) => providers.has(id),
      noticed: noticing(log, audit),
      stylesheet: stylesheetPath,
      fetch,
      now: () => new Date(),
    }),
  )
  const linkStart = startLinking({ handles: onceStore(redis, 'linking'), providers, publicUrl: config.publicUrl })
  const resolvers: ResolverParts = {
    customers,
    login: loginDoor({ providers, door: openid.door, signOut: signOut({ db, customers: rows.customers, audit, endings: openid.endings }) }),
    sessions: sessionsDoor({ endings: openid.endings, audit }),
    linking: linkingDoor({
      linking: linkStart,
      unlink: (customer, id, client) => unlinkIdentity(linking, customer, id, client),
      endEverywhere: (customer) => openid.endings.endEverywhere(customer),
      mayReturnTo: mayReturnTo(clients),
      now,
    }),
    consents: consentDoor({
      transaction: (work) => inTransaction(db, work),
      customers: rows.customers,
      ledger: rows.ledger,
      audit,
      policy,
      classification,
      clients: () => clients.all(),
      signReceipt: (claims) => openid.signingKeys.sign(claims, 'consent-receipt+jwt'),
      subjectOf: (caller, customer) => subjects.outwardOne(caller.sector, customer),
      now: () => new Date(),
    }),
    privacy: { restrict: restrictProcessing({ db, customers: rows.customers, audit }) },
    audit: auditDoor({ reads: auditReads(rows.events, cursorKey), subjects }),
  }
  const report = (error: unknown): string => reportDefect(log, error)
  const rates = opened.adopt(rateLimits(redis, await keys.obtain('rate/1')), (one) => one.close())
  const graphql = opened.adopt(
    await graphqlServer({
      schema,
      classification,
      policy,
      callerOf: openid.callerOf,
      mayReadSchema: (caller) => caller.scopes.has('audit:read'),
      rates,
      audit: readAudit({ note: (event) => audit.note(event), policy, report, now }),
      count: (made) => made.decided(({ purpose, outcome, fields }, people) => metrics.gateDecided(purpose, outcome, fields * people)),
      resolvers,
      report,
    }),
    (one) => one.close(),
  )
  return { audit, clients, providers, openid, graphql, linkStart, resolve, reached, consents: resolvers.consents }
}

interface ServerInput {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly storage: Storage
  readonly house: House
  readonly policy: Policy
}

async function openServer(opened: Opened, { config, log, metrics, storage, house, policy }: ServerInput) {
  const { db, redis, keys } = storage
  const server = opened.adopt(createServer({ log, metrics, publicUrl: config.publicUrl, trustedProxies: config.trustedProxies, atOnce: 2_000 }), (one) => one.close())
  if (config.traces !== undefined) {
    const tracing = opened.adopt(await openTracing(config.traces), (one) => one.close())
    traceRequests(server, tracing.tracer)
  }
  const transactions = loginTransactions(redis, await keys.obtain('login-form/1'))
  const login: LoginParts = {
    providers: house.providers,
    transactions,
    waiting: waitingLogins(redis, await keys.obtain('waiting/1')),
    resolve: house.resolve,
    reached: house.reached,
    callbackUrl: (provider) => `${config.publicUrl}/login/${provider}/callback`,
  }
  const page = pageParts({ config, policy, house, login, formKey: await keys.obtain('form/1'), cookieKey: await keys.obtain('page-cookie/1') })
  await server.register(cookie)
  const ready = async () => {
    const [mongodb, redisReady] = await Promise.all([mongoAnswers(db).catch(() => false), redisAnswers(redis).catch(() => false)])
    return { mongodb, redis: redisReady }
  }
  healthRoutes(server, { metrics, ready })
  apiRoutes(server, { graphql: house.graphql, openid: house.openid, origins: () => house.clients.all().flatMap((client) => client.origins) })
  await server.register(pages, page)
  await server.register((scope) => loginRoutes(scope, page.loginRoutes(transactions)))
  return server
}

const accountExists =
  (customers: Storage['rows']['customers']) =>
  async (customer: string, loggedInAt: number | null): Promise<boolean> => {
    const [row] = await customers.readMany([customer], { state: 1, tokensValidFrom: 1 })
    return row !== undefined && row.state === 'active' && (loggedInAt === null || loggedInAt >= row.tokensValidFrom.getTime())
  }

/** Purposes with the basis consent that the customer has not answered as they are worded now. */
const undecided =
  (customers: Storage['rows']['customers'], policy: Policy) =>
  async (customer: string, purposes: readonly string[]): Promise<string[]> => {
    const [row] = await customers.readMany([customer], { decisions: 1 })
    const open = new Set(['NOT_ASKED', 'OUTDATED', 'EXPIRED'])
    const asked = consentsOf(row?.decisions ?? {}, policy, policy.maskOf(purposes) & ~builtInPurposes, Date.now())
    return asked.filter(({ legalBasis, state }) => legalBasis === 'CONSENT' && open.has(state)).map(({ purpose }) => purpose)
  }

/** Longer than a provider's ID token lives; in MongoDB, so that an emptied Redis lets none in twice. */
const spendNonce =
  (records: Storage['records']) =>
  (provider: string, nonce: string): Promise<boolean> =>
    records.putNew({ kind: 'DeviceNonce', id: `${provider}:${nonce}`, payload: {}, expiresAt: new Date(Date.now() + 25 * 3_600_000) })

/** A key for each client, so that what two of them are given cannot be joined; derived once. */
function hashForClient(master: Buffer): (client: string, value: string) => string {
  const keys = new Map<string, KeyObject>()
  return (client, value) => {
    const key = keys.get(client) ?? createSecretKey(deriveKey(master, client))
    keys.set(client, key)
    return createHmac('sha256', key).update(value).digest('hex')
  }
}

const mayReturnTo =
  (clients: ClientRegistry) =>
  (clientId: string, uri: string): boolean => {
    const client = clients.find(clientId)
    return client !== undefined && isRegistered(uri, client.redirectUris, client.application)
  }

/** What the OpenID provider notices: defects go to the log, what an operator should see to the audit log. */
const noticing =
  (log: Logger, audit: ReturnType<typeof auditLog>) =>
  (event: OpenIdEvent): void => {
    if (event.type === 'failed') {
      log.error({ error: nameOf(event.error) }, 'openid provider')
      return
    }
    log.warn(event.type === 'token.reused' ? { type: event.type, client: event.client } : event, 'openid provider')
    if (event.type !== 'token.reused') return
    const subjects = event.customer === null ? [] : [event.customer]
    audit.note({ type: 'token.reused', client: event.client, actor: 'client', subjects }).catch((error: unknown) => log.error({ error: nameOf(error) }, 'audit'))
  }

function reportDefect(log: Logger, error: unknown): string {
  const reference = crypto.randomUUID()
  log.error({ reference, error: nameOf(error) }, 'defect')
  return reference
}

function withPort(config: Config, port: number, publicUrl: string | undefined): Config {
  return port === config.port ? config : { ...config, port, publicUrl: publicUrl === undefined ? `http://localhost:${port}` : config.publicUrl }
}

/** Port 0 asks for any; the public address has to be known before the parts are built. */
async function freePort(wanted: string | undefined, host: string): Promise<number> {
  if (wanted !== '0') return Number(wanted ?? 4000)
  const socket = createSocket()
  await new Promise<void>((resolve, reject) => socket.once('error', reject).listen(0, host, resolve))
  const { port } = socket.address() as AddressInfo
  await new Promise((resolve) => socket.close(resolve))
  return port
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
