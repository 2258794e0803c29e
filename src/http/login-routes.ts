import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ReadDevice } from '../access/devices.ts'
import type { Interactions, PendingQuestion } from '../access/interactions.ts'
import type { SignInDoor } from '../access/sign-in-door.ts'
import { finishLogin, startLogin, type FinishedLogin, type LoginParts } from '../broker/login-pipeline.ts'
import type { LoginTransactions } from '../broker/login-transaction.ts'
import type { LoginGoal } from '../broker/provider.ts'
import type { LinkingStart } from '../broker/start-linking.ts'
import { EntenteError } from '../errors.ts'
import type { SeenDevice } from '../linking/note-device.ts'
import { countEntry, type LoginVisit } from '../pages/visit.ts'
import { bindBrowser, bindDevice, browserOf } from './browser-binding.ts'
import { nameOf } from './server.ts'

export interface LoginProblem {
  readonly error: EntenteError
  readonly provider: string | null
  readonly waysKnown: readonly string[]
  readonly question: PendingQuestion | null
}

export interface LoginRouteParts {
  readonly login: LoginParts
  readonly transactions: Pick<LoginTransactions, 'park' | 'unpark'>
  readonly linking: LinkingStart
  readonly interactions: Pick<Interactions, 'read' | 'sessionCustomer'>
  readonly signIn: Pick<SignInDoor, 'entered'>
  readonly readDevice: ReadDevice
  /** The page for a login that did not come to an end, with the ways to go on. */
  readonly problemPage: (problem: LoginProblem, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
  /** Counts how the browser's login ended. */
  readonly visit: (request: FastifyRequest, reply: FastifyReply) => LoginVisit
  /** What must be written when nobody was signed in: who was refused, at which provider, why. */
  readonly refused: (goal: LoginGoal | null, provider: string, code: string) => Promise<void>
}

type CallbackRequest = FastifyRequest<{
  Params: { provider: string }
  Querystring: Record<string, string | string[]>
  Body: Record<string, string | string[]> | null
}>

/** `/login/:provider/callback` and `/login/link/:handle`: where browsers come back from a provider, and where linking takes them there. */
export async function loginRoutes(server: FastifyInstance, parts: LoginRouteParts): Promise<void> {
  await server.register(formbody, { bodyLimit: 20_000 })
  server.get('/login/:provider/callback', async (request: CallbackRequest, reply) => {
    if (!parts.login.providers.has(request.params.provider)) return reply.callNotFound()
    const handle = request.query['handle']
    const parked = typeof handle === 'string' ? await parts.transactions.unpark(handle) : null
    const formPost = parts.login.providers.get(request.params.provider)?.responseMode === 'form_post'
    if (formPost) return finish(parts, request, reply, 'POST', parked)
    return finish(parts, request, reply, 'GET', singleValues(request.query))
  })

  // A form posted from the provider's site does not bring our Lax cookie: it is kept for a moment and fetched by a GET that does.
  server.post('/login/:provider/callback', async (request: CallbackRequest, reply) => {
    const provider = parts.login.providers.get(request.params.provider)
    if (provider === undefined) return reply.callNotFound()
    if (provider.responseMode !== 'form_post') return reply.code(405).header('allow', 'GET').send()
    const form = singleValues(request.body)
    if (form === null || form['state'] === undefined) return problem(parts, request, reply, new EntenteError('LOGIN_EXPIRED'))
    const handle = await parts.transactions.park(form)
    return reply.redirect(`/login/${provider.id}/callback?handle=${handle}`, 303)
  })

  server.get('/login/link/:handle', async (request: FastifyRequest<{ Params: { handle: string } }>, reply) => {
    try {
      const session = await parts.interactions.sessionCustomer(request.raw, reply.raw)
      const { provider, goal } = await parts.linking.take(request.params.handle, session)
      const url = await startLogin(parts.login, { provider, goal, browser: bindBrowser(request, reply) })
      if (goal.kind === 'link') parts.visit(request, reply).linkBegun(goal.clientId, provider)
      return reply.redirect(url.href, 303)
    } catch (error) {
      return problem(parts, request, reply, error)
    }
  })
}

async function finish(
  parts: LoginRouteParts,
  request: CallbackRequest,
  reply: FastifyReply,
  method: 'GET' | 'POST',
  parameters: Readonly<Record<string, string>> | null,
): Promise<FastifyReply> {
  const browser = browserOf(request)
  const provider = request.params.provider
  try {
    if (browser === null || parameters === null) throw new EntenteError('LOGIN_EXPIRED', { provider })
    let question: PendingQuestion | null = null
    const clientOf = async (goal: LoginGoal): Promise<string> => {
      if (goal.kind === 'link') {
        // Who asked may have signed out since, and somebody else in (RFC 9700, 4.7).
        if ((await parts.interactions.sessionCustomer(request.raw, reply.raw)) !== goal.customer)
          throw new EntenteError('LOGIN_DENIED', { why: 'another session' })
        return goal.clientId
      }
      question = await parts.interactions.read(request.raw, reply.raw, goal.interaction)
      // A login for an OpenID request goes on only in the browser that made that request.
      if (question === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'another interaction' })
      return question.client.id
    }
    const device = parts.readDevice({ cookie: bindDevice(request, reply), userAgent: request.headers['user-agent'], ip: request.ip })
    const finished = await finishLogin(parts.login, provider, { method, parameters }, { browser, device }, clientOf)
    return await goOn(parts, request, reply, finished, { question, browser, device, saidNo: 'error' in parameters })
  } catch (error) {
    const code = error instanceof EntenteError ? error.code : 'INTERNAL_SERVER_ERROR'
    parts.visit(request, reply).failed(code)
    await parts.refused(null, provider, code)
    return problem(parts, request, reply, error)
  }
}

interface CameBack {
  readonly question: PendingQuestion | null
  readonly browser: string
  readonly device: SeenDevice
  /** The provider answered with an error of the protocol. */
  readonly saidNo: boolean
}

async function goOn(
  parts: LoginRouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  finished: FinishedLogin,
  { question, browser, device: seen, saidNo }: CameBack,
): Promise<FastifyReply> {
  if (finished.kind === 'refused') {
    const { error, goal, waysKnown, mergeProof } = finished
    const provider = (request.params as { provider: string }).provider
    await parts.refused(goal, provider, error.code)
    if (goal.kind === 'link') {
      parts.visit(request, reply).linkFailed(provider, error.code)
      const back = withParameter(goal.returnTo, 'error', error.code)
      return reply.redirect(mergeProof === undefined ? back : withParameter(back, 'merge', mergeProof), 303)
    }
    // Who comes back with a no of the provider's has mostly said it there.
    if (saidNo && error.code === 'LOGIN_DENIED') parts.visit(request, reply).cancelled()
    else parts.visit(request, reply).failed(error.code)
    return parts.problemPage({ error, provider, waysKnown, question }, request, reply)
  }
  if (finished.kind === 'linked') {
    parts.visit(request, reply).linked(finished.provider)
    return reply.redirect(withParameter(finished.returnTo, 'linked', finished.provider), 303)
  }
  const { customer, row, provider: way, device: deviceId, risks, settled, at } = finished
  const place = { request: request.raw, response: reply.raw, uid: finished.interaction, browser, clientId: question?.client.id ?? '' }
  const url = await parts.signIn.entered(place, { customer, row, way, device: seen, deviceId, risks, settled, at, proved: null })
  parts.login.reached('session', finished.provider, 'ok')
  countEntry(parts.visit(request, reply), url)
  return reply.redirect(url, 303)
}

async function problem(parts: LoginRouteParts, request: FastifyRequest, reply: FastifyReply, error: unknown): Promise<FastifyReply> {
  const known = error instanceof EntenteError ? error : new EntenteError('INTERNAL_SERVER_ERROR', {}, {}, error)
  request.log.warn({ code: known.code, ...known.detail, ...(known.cause !== undefined && { cause: nameOf(known.cause) }) }, 'login refused')
  return parts.problemPage({ error: known, provider: null, waysKnown: [], question: null }, request, reply)
}

function withParameter(url: string, name: string, value: string): string {
  const target = new URL(url)
  target.searchParams.set(name, value)
  return target.href
}

/** Parameters that came once each; one that came twice makes the whole invalid, as it is read differently by different readers (RFC 6749, 3.1). */
function singleValues(from: Readonly<Record<string, string | string[]>> | null): Record<string, string> | null {
  const single: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(from ?? {})) {
    if (typeof value !== 'string') return null
    single[name] = value
  }
  return single
}
