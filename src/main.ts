import 'reflect-metadata'
import cookie from '@fastify/cookie'
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import type { Connection } from 'mongoose'
import { destination, pino, type Logger } from 'pino'
import { gatedClaims } from './access/gated-claims.ts'
import { loginDoor } from './access/login-door.ts'
import { accountExists, standingOf } from './access/account.ts'
import { alerts as alertsOf } from './access/alerts.ts'
import { deviceReader } from './access/devices.ts'
import { openOpenIdProvider, type OpenIdParts, type OpenIdProvider } from './access/openid-provider.ts'
import { mailCodes } from './access/mail-codes.ts'
import { mailLimits } from './access/mail-limits.ts'
import { newDeviceLetter, notMeDoor, notMeLinks } from './access/not-me.ts'
import { openPlaces } from './access/places.ts'
import { secondFactors } from './access/second-factors.ts'
import { sessionsDoor } from './access/sessions.ts'
import { signOut } from './access/sign-out.ts'
import { subjects as subjectsOf } from './access/subjects.ts'
import { accessTokenSeconds } from './access/api-resource.ts'
import { auditDoor } from './audit/door.ts'
import { auditLog } from './audit/log.ts'
import { auditReads } from './audit/reads.ts'
import { signInWithIdToken } from './broker/device-login.ts'
import { eventInbox, eventWork } from './broker/events/inbox.ts'
import { linkingDoor } from './broker/linking-door.ts'
import type { LoginParts, LoginStep } from './broker/login-pipeline.ts'
import { loginTransactions } from './broker/login-transaction.ts'
import { readProviders } from './broker/providers-file.ts'
import { openProviders } from './broker/providers.ts'
import { revokeGrant } from './broker/revoke-grant.ts'
import { startLinking } from './broker/start-linking.ts'
import { waitingLogins } from './broker/waiting-login.ts'
import { isRegistered } from './config/client-uris.ts'
import { clientRegistry, readClients, type Client } from './config/clients.ts'
import { readConfig, type Config } from './config/env.ts'
import { readPolicy, type Policy } from './config/policy.ts'
import { withPort } from './config/port.ts'
import { consentDoor } from './consent/door.ts'
import { keyedHash } from './consent/keyed-hash.ts'
import { undecided } from './consent/undecided.ts'
import { views, type ViewOf } from './consent/view.ts'
import { customerDoor } from './customers/door.ts'
import { readAudit } from './graphql/audit-read.ts'
import type { ResolverParts } from './graphql/operation-context.ts'
import type { GraphqlParts } from './graphql/pipeline.ts'
import { rateLimits } from './graphql/rate-limits.ts'
import { buildEntenteSchema } from './graphql/schema.ts'
import { graphqlServer } from './graphql/server.ts'
import { healthRoutes } from './http/health.ts'
import { createMetrics, type Metrics } from './http/metrics.ts'
import { apiRoutes } from './http/api-routes.ts'
import { loginRoutes } from './http/login-routes.ts'
import { jobNotices, openIdNotices, reportDefect } from './http/notices.ts'
import { createServer } from './http/server.ts'
import { openTracing, traceRequests } from './http/tracing.ts'
import { webhookRoutes } from './http/webhook-routes.ts'
import { jobQueue } from './jobs/queue.ts'
import { jobWorker } from './jobs/worker.ts'
import { mergeDoor } from './linking/merge-door.ts'
import { mergeProofs as mergeProofsOf } from './linking/merge-proof.ts'
import { hearProvider } from './linking/provider-event.ts'
import { providerGrants } from './linking/provider-grants.ts'
import { resolveSignIn, type LinkingParts, type SignIn } from './linking/resolve.ts'
import { unlinkIdentity } from './linking/unlink.ts'
import { post as postOf } from './mail/post.ts'
import { smtpPostman } from './mail/smtp.ts'
import { pages } from './pages/routes.ts'
import { stylesheetPath } from './pages/style.ts'
import { pageParts } from './http/page-parts.ts'
import { restrictProcessing } from './privacy/restriction.ts'
import { auditStore } from './storage/audit-log.ts'
import { clientStore } from './storage/clients.ts'
import { ledgerStore } from './storage/consent-ledger.ts'
import { credentialStore } from './storage/credentials.ts'
import { customerStore } from './storage/customers.ts'
import { emailStore } from './storage/emails.ts'
import { guessStore } from './storage/guesses.ts'
import { identityStore } from './storage/identities.ts'
import { jobStore } from './storage/jobs.ts'
import { keyStore } from './storage/keys.ts'
import { mergeStore } from './storage/merges.ts'
import { mongoAnswers, openMongo, prepareCollections } from './storage/mongo.ts'
import { openIdRecords } from './storage/openid-records.ts'
import { codeStore, onceStore, openRedis, redisAnswers, type RedisConnection } from './storage/redis.ts'
import { inTransaction } from './storage/transaction.ts'
import { inTime } from './storage/within.ts'

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
    const config = await withPort(readConfig(env), env['PUBLIC_URL'])
    const log = other.log ?? openLog(config)
    const files = await readFiles(config)
    const storage = await openStorage(opened, config, other)
    const metrics = createMetrics()
    const base = { config, log, metrics, storage, ...files, other }
    const house = { ...base, ...(await openHouse(opened, base)) }
    const doors = { ...house, ...(await openDoors(opened, house)) }
    openWork(opened, doors)
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
    customers: inTime(customerStore(db)),
    identities: inTime(identityStore(db)),
    emails: inTime(emailStore(db)),
    credentials: inTime(credentialStore(db)),
    guessed: inTime(guessStore(db)),
    ledger: inTime(ledgerStore(db)),
    events: inTime(auditStore(db)),
    clients: inTime(clientStore(db)),
    jobs: inTime(jobStore(db)),
    merges: inTime(mergeStore(db, await keys.obtain('merge/1'))),
  }
  const records = inTime(openIdRecords(db, await keys.obtain('openid/1')))
  const jobs = jobQueue({ store: rows.jobs, key: await keys.obtain('jobs/1') })
  await prepareCollections(db)
  return { db, redis, keys, rows, records, jobs }
}

interface Base {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly storage: Storage
  readonly policy: Policy
  readonly clients: readonly Client[]
  readonly further: ReturnType<typeof readProviders>
  readonly other: OtherParts
}

/** What the house knows: providers, clients, customers and who they are. */
async function openHouse(opened: Opened, { config, log, metrics, policy, storage, further, other, ...base }: Base) {
  const { db, redis, keys, rows, jobs } = storage
  const audit = opened.adopt(auditLog(rows.events), (one) => one.close())
  const unusable = (problems: readonly string[]) => log.error({ problems }, 'clients not usable')
  const registry = opened.use(await clientRegistry({ file: base.clients, collection: rows.clients, policy, unusable }))
  const providers = openProviders({ ...config.providers, further })
  const subjects = subjectsOf(await keys.obtain('subject/1'))
  const house = { name: policy.controller.name, publicUrl: config.publicUrl }
  const post = postOf({ jobs, house, providerName: (id) => providers.get(id)?.name ?? id, available: config.mail !== undefined })
  const notMe = notMeLinks(await keys.obtain('not-me/1'), config.publicUrl)
  const linking: LinkingParts = {
    db,
    ...rows,
    audit,
    keys: { identity: await keys.obtain('identity/1'), address: await keys.obtain('address/1') },
    tellNewDevice: newDeviceLetter(post, notMe),
    post,
    grants: providerGrants({ jobs, key: await keys.obtain('grants/1') }),
  }
  const mailKey = await keys.obtain('mail-code/1')
  const codes = mailCodes({ ...rows, codes: codeStore(redis, 'code'), limits: mailLimits(redis, mailKey), jobs, post, key: mailKey, addressKeys: linking.keys })
  const second = await secondFactors({ db, redis, keys, ...rows, audit, post, mailCodes: codes, policy, publicUrl: config.publicUrl, now: Date.now })
  const { schema, classification } = buildEntenteSchema(policy)
  const viewOf = other.viewOf ?? views({ policy, now: Date.now, hashFor: keyedHash(await keys.obtain('hash/1')) })
  const cursorKey = await keys.obtain('cursor/1')
  const client = (id: string) => registry.find(id)
  const customers = customerDoor({ db, store: rows.customers, audit, policy, classification, viewOf, subjects, client, cursorKey, now: Date.now })
  const mergeProofs = mergeProofsOf(onceStore(redis, 'merge'))
  const login = {
    providers,
    mergeProofs,
    resolve: (signIn: SignIn) => resolveSignIn(linking, signIn),
    reached: (step: LoginStep, provider: string, outcome: string) => metrics.loginReached(step, provider, outcome),
  }
  const readDevice = deviceReader({ key: await keys.obtain('device/1'), placeOf: await openPlaces(config.geoIpFile) })
  const linkStart = startLinking({ handles: onceStore(storage.redis, 'linking'), providers, publicUrl: config.publicUrl })
  return { audit, registry, subjects, linking, schema, classification, customers, cursorKey, login, linkStart, readDevice, notMe, alerts: alertsOf({ db, ...rows, audit }), post, mailCodes: codes, ...second }
}

type House = Base & Awaited<ReturnType<typeof openHouse>>

/** The ways in: the OpenID provider, and GraphQL. */
async function openDoors(opened: Opened, house: House) {
  const openid = opened.use(await openOpenIdProvider(await openIdParts(house)))
  const { log, metrics, policy, storage, schema, classification, audit } = house
  const report = (error: unknown): string => reportDefect(log, error)
  const resolvers = resolverParts(house, openid)
  const rates = opened.adopt(rateLimits(storage.redis, await storage.keys.obtain('rate/1')), (one) => one.close())
  const parts: GraphqlParts = {
    schema,
    classification,
    policy,
    callerOf: openid.callerOf,
    mayReadSchema: (caller) => caller.scopes.has('audit:read'),
    rates,
    audit: readAudit({ note: (event) => audit.note(event), policy, report, now: Date.now }),
    count: (made) => made.decided(({ purpose, outcome, fields }, people) => metrics.gateDecided(purpose, outcome, fields * people)),
    resolvers,
    report,
  }
  const graphql = opened.adopt(await graphqlServer(parts), (one) => one.close())
  return { openid, graphql, consents: resolvers.consents }
}

async function openIdParts({ config, log, policy, storage, audit, registry, subjects, schema, classification, customers, login, alerts, stepUp }: House): Promise<OpenIdParts> {
  const { rows, records, keys } = storage
  // Longer than a provider's ID token lives; in MongoDB, so that an emptied Redis lets none in twice.
  const spend = (provider: string, nonce: string) =>
    records.putNew({ kind: 'DeviceNonce', id: `${provider}:${nonce}`, payload: {}, expiresAt: new Date(Date.now() + 25 * 3_600_000) })
  return {
    publicUrl: config.publicUrl,
    policy,
    clients: registry,
    records,
    keys,
    subjects,
    accountExists: accountExists(rows.customers),
    standing: standingOf(rows.customers),
    jobs: storage.jobs,
    undecided: undecided(rows.customers, policy),
    grantEnded: (customer, grant) => rows.customers.endGrant(customer, grant, new Date(Date.now() + accessTokenSeconds * 1000), new Date()),
    claimsFor: gatedClaims({ schema, classification, reads: customers.reads, customers: rows.customers }),
    signInWithIdToken: signInWithIdToken({ ...login, spend, admit: stepUp.withoutPage }),
    knowsProvider: (id) => login.providers.has(id),
    noticed: openIdNotices(log, audit, alerts),
    alertAnswered: (customer) => alerts.answer(customer),
    stylesheet: stylesheetPath,
    fetch,
    now: () => new Date(),
  }
}

function resolverParts(house: House, { door, endings, signingKeys }: OpenIdProvider): ResolverParts {
  const { policy, storage, audit, registry, subjects, linking, classification, customers, cursorKey, login, linkStart, stepUp, enrolment } = house
  const { db, rows } = storage
  const changing = { db, customers: rows.customers, audit }
  return {
    customers,
    login: loginDoor({ providers: login.providers, door, signOut: signOut({ ...changing, endings }) }),
    sessions: sessionsDoor({ ...changing, endings, client: (id) => registry.find(id), isProvider: (way) => login.providers.has(way) }),
    linking: linkingDoor({
      linking: linkStart,
      unlink: (customer, id, client) => unlinkIdentity(linking, customer, id, client),
      endEverywhere: (customer) => endings.endEverywhere(customer),
      mayReturnTo: (id, uri) => {
        const client = registry.find(id)
        return client !== undefined && isRegistered(uri, client.redirectUris, client.application)
      },
      requireStepUp: stepUp.require,
    }),
    factors: enrolment,
    stepUp,
    merges: mergeDoor({
      ...linking,
      ...rows,
      policy,
      proofs: login.mergeProofs,
      requireStepUp: async (caller, action) => void (await stepUp.require(caller, action)),
      endEverywhere: endings.endEverywhere,
    }),
    consents: consentDoor({
      ...changing,
      transaction: (customer, work) => inTransaction(db, customer, work),
      ledger: rows.ledger,
      policy,
      classification,
      clients: () => registry.all(),
      signReceipt: (claims) => signingKeys.sign(claims, 'consent-receipt+jwt'),
      subjectOf: (caller, customer) => subjects.outwardOne(caller.sector, customer),
      now: () => new Date(),
    }),
    privacy: { restrict: restrictProcessing(changing) },
    audit: auditDoor({ reads: auditReads(rows.events, cursorKey), subjects }),
  }
}

type Doors = House & Awaited<ReturnType<typeof openDoors>>

/** What follows from changes, done after their commit by whichever process comes first. */
function openWork(opened: Opened, { config, log, storage, mailCodes, linking, login, post, openid }: Doors): void {
  const { mail } = config
  const postman = mail && opened.adopt(smtpPostman({ ...mail, domain: new URL(config.publicUrl).hostname }), (one) => one.close())
  opened.use(
    jobWorker({
      jobs: storage.jobs,
      handlers: {
        ...(postman && { mail: postman.deliver }),
        mailCode: mailCodes.deliver,
        logoutToken: openid.tellOfLogout,
        revokeGrant: revokeGrant(login.providers),
        providerEvent: eventWork(hearProvider({ ...linking, tell: post.toCustomer, endWay: openid.endings.endWay })),
      },
      noticed: jobNotices(log),
    }),
  )
}

async function openServer(opened: Opened, doors: Doors) {
  const { config, log, metrics, storage, registry, openid, graphql } = doors
  const { db, redis, keys } = storage
  const server = opened.adopt(createServer({ log, metrics, publicUrl: config.publicUrl, trustedProxies: config.trustedProxies, atOnce: 2_000 }), (one) =>
    one.close(),
  )
  if (config.traces !== undefined) {
    const tracing = opened.adopt(await openTracing(config.traces), (one) => one.close())
    traceRequests(server, tracing.tracer)
  }
  const transactions = loginTransactions(redis, await keys.obtain('login-form/1'))
  const waiting = waitingLogins(redis, await keys.obtain('waiting/1'))
  const login: LoginParts = { ...doors.login, transactions, waiting, callbackUrl: (provider) => `${config.publicUrl}/login/${provider}/callback` }
  const notMe = notMeDoor({ links: doors.notMe, used: onceStore(redis, 'not-me'), alerts: doors.alerts, endings: openid.endings })
  const page = pageParts({ ...doors, notMe, jobs: storage.jobs, login, formKey: await keys.obtain('form/1'), cookieKey: await keys.obtain('page-cookie/1') })
  const ready = async () => {
    const [mongodb, redisReady] = await Promise.all([mongoAnswers(db).catch(() => false), redisAnswers(redis).catch(() => false)])
    return { mongodb, redis: redisReady }
  }
  await server.register(cookie)
  healthRoutes(server, { metrics, ready })
  apiRoutes(server, { graphql, openid, origins: () => registry.all().flatMap((client) => client.origins) })
  await server.register(pages, page)
  await server.register((scope) => loginRoutes(scope, page.loginRoutes(transactions)))
  const receive = eventInbox({ providers: login.providers, jobs: storage.jobs, key: await keys.obtain('events/1') })
  const refused = (provider: string, check: string) =>
    doors.audit.note({ type: 'provider.event_refused', client: null, actor: 'system', detail: { provider, check } })
  await server.register((scope) => webhookRoutes(scope, { publicUrl: config.publicUrl, providers: login.providers, receive, refused }))
  return server
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
