import cookie from '@fastify/cookie'
import { halfSignIns } from '../access/half-sign-ins.ts'
import { writeKeys } from '../access/write-keys.ts'
import { notMeDoor } from '../access/not-me.ts'
import { signInDoor } from '../access/sign-in-door.ts'
import { gpcSupport } from '../consent/gpc.ts'
import { eventInbox } from '../broker/events/inbox.ts'
import type { LoginParts } from '../broker/login-pipeline.ts'
import { loginTransactions } from '../broker/login-transaction.ts'
import { waitingLogins } from '../broker/waiting-login.ts'
import { eventRoutes } from '../http/event-routes.ts'
import { healthRoutes } from '../http/health.ts'
import { apiRoutes } from '../http/api-routes.ts'
import { audienceRoutes } from '../http/audience-routes.ts'
import { loginRoutes } from '../http/login-routes.ts'
import { createServer } from '../http/server.ts'
import { openTracing, traceRequests } from '../http/tracing.ts'
import { webhookRoutes } from '../http/webhook-routes.ts'
import { pages } from '../pages/routes.ts'
import { pageParts } from '../http/page-parts.ts'
import { mongoAnswers } from '../storage/mongo.ts'
import { onceStore, redisAnswers } from '../storage/redis.ts'
import type { Doors } from './doors.ts'

/** The ways over HTTP: routes, pages, health, in front of what the doors offer. */
export async function openServer(opened: AsyncDisposableStack, doors: Doors) {
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
  const halves = halfSignIns(onceStore(redis, 'half'), await keys.obtain('half/1'))
  const signIn = signInDoor({ ...doors, ...storage.rows, interactions: openid.interactions, waiting, halves })
  const page = pageParts({
    ...doors,
    signIn,
    notMe,
    jobs: storage.jobs,
    login,
    formKey: await keys.obtain('form/1'),
    cookieKey: await keys.obtain('page-cookie/1'),
  })
  const ready = async () => {
    const [mongodb, redisReady] = await Promise.all([mongoAnswers(db).catch(() => false), redisAnswers(redis).catch(() => false)])
    return { mongodb, redis: redisReady }
  }
  await server.register(cookie)
  healthRoutes(server, { metrics, ready })
  server.get('/.well-known/gpc.json', (_request, reply) =>
    reply.headers({ 'cache-control': 'public, max-age=86400', 'access-control-allow-origin': '*' }).send(gpcSupport(doors.policy)),
  )
  const origins = () => registry.all().flatMap((client) => client.origins)
  apiRoutes(server, { graphql, openid, origins })
  await server.register((scope) => audienceRoutes(scope, { ...doors.audiences, callerOf: openid.callerOf, admit: doors.rates.admit }))
  await server.register((scope) => eventRoutes(scope, { ...doors, ...doors.behaviour, publicUrl: config.publicUrl, clientWith: writeKeys(registry), origins }))
  await server.register(pages, page)
  await server.register((scope) => loginRoutes(scope, page.loginRoutes(transactions)))
  const receive = eventInbox({ providers: login.providers, jobs: storage.jobs, key: await keys.obtain('events/1') })
  const refused = (provider: string, check: string) =>
    doors.audit.note({ type: 'provider.event_refused', client: null, actor: 'system', detail: { provider, check } })
  await server.register((scope) => webhookRoutes(scope, { publicUrl: config.publicUrl, providers: login.providers, receive, refused }))
  return server
}
