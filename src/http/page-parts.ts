import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { personAt } from '../access/caller.ts'
import type { OpenIdProvider } from '../access/openid-provider.ts'
import type { NotMeDoor } from '../access/not-me.ts'
import type { PendingQuestion } from '../access/interactions.ts'
import type { FunnelDoor } from '../audit/funnel-resolver.ts'
import type { LoginFunnel } from '../audit/login-funnel.ts'
import type { ReportFile } from '../audit/report-files.ts'
import { startLogin, type LoginParts } from '../broker/login-pipeline.ts'
import type { LoginTransactions } from '../broker/login-transaction.ts'
import type { LinkingStart } from '../broker/start-linking.ts'
import type { ClientRegistry } from '../config/clients.ts'
import type { Config } from '../config/env.ts'
import type { Policy } from '../config/policy.ts'
import type { ConfirmationDoor } from '../consent/confirmation.ts'
import type { ConsentDoor } from '../consent/resolver.ts'
import { EntenteError } from '../errors.ts'
import type { GraphqlServer } from '../graphql/server.ts'
import { tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { ExportDoor } from '../privacy/export-door.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { sendLoginProblem } from '../pages/login.ts'
import type { PageParts } from '../pages/parts.ts'
import { visitOf } from '../pages/visit.ts'
import { seal, unseal } from '../storage/keys.ts'
import { bindBrowser } from './browser-binding.ts'
import type { LoginRouteParts } from './login-routes.ts'
import { signInParts, type SignInInput } from './sign-in-parts.ts'

export interface PageInput extends Omit<SignInInput, 'login'> {
  readonly config: Config
  readonly policy: Policy
  readonly login: LoginParts
  readonly formKey: Buffer
  readonly cookieKey: Buffer
  readonly openid: OpenIdProvider
  readonly graphql: Pick<GraphqlServer, 'handle'>
  readonly registry: ClientRegistry
  readonly consents: ConsentDoor
  readonly confirmations: ConfirmationDoor
  readonly leaveOpen: (customer: CustomerKey, purposes: readonly string[]) => Promise<void>
  readonly heedGpc: (caller: Caller) => Promise<void>
  readonly exports: Pick<ExportDoor, 'fetch'>
  readonly linkStart: LinkingStart
  readonly jobs: Pick<JobQueue, 'stateOf'>
  readonly notMe: NotMeDoor
  readonly funnel: Pick<LoginFunnel, 'count'>
  readonly funnelOf: FunnelDoor
  readonly report: (from: Date, to: Date, by: Caller) => Promise<readonly ReportFile[]>
}

const graphqlAnswer = z.looseObject({})

/** What the pages may call, and what the routes of a login need to show them. */
export function pageParts(input: PageInput): PageParts & { loginRoutes: (transactions: LoginTransactions) => LoginRouteParts } {
  const { config, policy, login, formKey, cookieKey, openid, graphql, registry, consents, exports } = input
  const parts: PageParts = {
    publicUrl: config.publicUrl,
    policy,
    formKey,
    seal: (text, label) => seal(cookieKey, text, label),
    unseal: (sealed, label) => unseal(cookieKey, sealed, label)?.toString() ?? null,
    now: () => new Date(),
    countLogin: input.funnel.count,
    interactions: openid.interactions,
    providers: [...login.providers.values()],
    notMe: input.notMe,
    beginLogin: async ({ question, provider, language }, request, reply) => {
      const hint = question.loginHint === null ? {} : { loginHint: question.loginHint }
      const goal = { kind: 'signIn', interaction: question.uid } as const
      const url = await startLogin(login, { provider, goal, browser: bindBrowser(request, reply), locale: language, ...hint })
      return url.href
    },
    ...signInParts(input),
    decide: async (question, answers, locale) => {
      await consents.decide(askedPerson(question), { decisions: answers, idempotencyKey: null, wanted: locale })
    },
    leaveOpen: (question, purposes) => input.leaveOpen(askedPerson(question).customer, purposes),
    confirmations: input.confirmations,
    heedGpc: async (accessToken) => {
      const caller = await openid.callerOf(`Bearer ${accessToken}`)
      if (caller !== null) await input.heedGpc(caller)
    },
    clients: () => registry.all(),
    graphql: async (query, variables, accessToken) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` }
      const { body } = await graphql.handle({ method: 'POST', headers, search: '', body: { query, variables }, ip: '127.0.0.1' })
      return graphqlAnswer.parse(JSON.parse(body.toString()))
    },
    deletion: async (confirmation) => {
      const state = await input.jobs.stateOf('providerEvent', confirmation)
      return state === 'waiting' ? 'received' : state
    },
    fetchExport: async (id, accessToken) => exports.fetch(tokenOf(await openid.callerOf(`Bearer ${accessToken}`)), id),
    completeLogin: (grant) => openid.door.completeLogin(grant),
    loginFunnel: async (from, to, accessToken) => {
      await auditorAt(openid, accessToken)
      return input.funnelOf(from, to)
    },
    auditReport: async (from, to, accessToken) => input.report(from, to, await auditorAt(openid, accessToken)),
  }
  return { ...parts, loginRoutes: (transactions) => routesOf(parts, input, transactions) }
}

function routesOf(parts: PageParts, { login, linkStart, openid, audit, readDevice, signIn }: PageInput, transactions: LoginTransactions): LoginRouteParts {
  return {
    login,
    transactions,
    linking: linkStart,
    interactions: openid.interactions,
    signIn,
    readDevice,
    visit: (request, reply) => visitOf(parts, request, reply),
    problemPage: ({ error, waysKnown, question }, request: FastifyRequest, reply: FastifyReply) =>
      sendLoginProblem(parts, request, reply, { code: error.code, reference: request.id, question, ways: waysKnown }),
    refused: (goal, provider, code) => {
      const client = goal?.kind === 'link' ? goal.clientId : null
      const type = code === 'LINK_REQUIRED' ? 'login.link_required' : 'login.denied'
      return audit.note({ type, client, actor: 'system', detail: { provider, code } })
    },
  }
}

/** The operator of a token, if they may read the log now. UNAUTHENTICATED FORBIDDEN */
async function auditorAt(openid: OpenIdProvider, accessToken: string): Promise<Caller> {
  const caller = tokenOf(await openid.callerOf(`Bearer ${accessToken}`))
  if (!caller.scopes.has('audit:read')) throw new EntenteError('FORBIDDEN', { scope: 'audit:read' })
  return caller
}

/** Who answers the consent page: the person whose interaction waits in this browser, for the client that asked. */
function askedPerson({ client, customer }: PendingQuestion): Caller & { readonly customer: CustomerKey } {
  if (customer === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'nobody signed in' })
  return { ...personAt(client, customer), customer }
}
