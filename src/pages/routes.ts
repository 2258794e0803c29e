/// <reference types="@fastify/cookie" />
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import { carriesGpc } from '../consent/gpc.ts'
import { EntenteError } from '../errors.ts'
import { sessionOf } from './account-session.ts'
import { accountPages } from './account.ts'
import { confirmPages } from './confirm.ts'
import { anonymousPage } from './anonymous.ts'
import { confirmConsentPage } from './confirm-consent.ts'
import { consentPages } from './consent.ts'
import { deletionPage } from './deletion.ts'
import { loginPages, sendLoginProblem } from './login.ts'
import { notMePage } from './not-me.ts'
import { onwardPage } from './onward.ts'
import { operatorPages } from './operator.ts'
import { ownWayPages } from './own-ways.ts'
import type { PageParts } from './parts.ts'
import { codeOf, sendProblem } from './problem.ts'
import { passkeyScript, passkeyScriptPath } from './passkey-script.ts'
import { stylesheet, stylesheetPath } from './style.ts'

/**
 * All pages as one Fastify plugin, with its own form parser and error pages. Expects `@fastify/cookie` on the server that it is
 * registered on. The OpenID provider's interaction cookie has to reach `/login` and what is under it, `/confirm` and `/consent`.
 */
export async function pages(app: FastifyInstance, parts: PageParts): Promise<void> {
  await app.register(formbody, { bodyLimit: 20_000 })
  app.setErrorHandler((error: unknown, request, reply) => {
    const code = codeOf(error)
    if (error instanceof EntenteError) request.log.warn({ code, ...error.detail }, 'refused')
    else if (code === 'INTERNAL_SERVER_ERROR') request.log.error({ error: error instanceof Error ? error.name : typeof error }, 'failed')
    if (code === 'LOGIN_EXPIRED') return sendLoginProblem(parts, request, reply, { code, reference: request.id })
    return sendProblem(parts, request, reply, { code, reference: request.id })
  })
  heedSignals(app, parts)
  app.get(stylesheetPath, (_request, reply) =>
    reply.headers({ 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable' }).send(stylesheet),
  )
  app.get(passkeyScriptPath, (_request, reply) =>
    reply.headers({ 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable' }).send(passkeyScript),
  )
  onwardPage(app, parts)
  loginPages(app, parts)
  ownWayPages(app, parts)
  confirmPages(app, parts)
  consentPages(app, parts)
  confirmConsentPage(app, parts)
  anonymousPage(app, parts)
  accountPages(app, parts)
  operatorPages(app, parts)
  notMePage(app, parts)
  deletionPage(app, parts)
}

/** Global Privacy Control on a page of somebody who is signed in (W3C draft): heard before the page is made, which differs by it. */
function heedSignals(app: FastifyInstance, parts: PageParts): void {
  app.addHook('preHandler', async (request, reply) => {
    if (!request.url.startsWith('/account')) return
    reply.header('vary', 'Sec-GPC')
    const session = carriesGpc(request.headers['sec-gpc']) ? sessionOf(parts, request) : null
    if (session !== null) await parts.heedGpc(session.token)
  })
}
