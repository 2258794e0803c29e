import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { html, type Html } from './html.ts'
import type { FrameParts } from './parts.ts'

const cookie = '__Host-entente-form'
const wellFormed = /^[\w-]{43}$/

/** The hidden field that proves that a form came from our page in this browser; sets the cookie it is bound to when there is none. */
export function formToken(parts: FrameParts, request: FastifyRequest, reply: FastifyReply): Html {
  const kept = request.cookies[cookie]
  const browser = kept !== undefined && wellFormed.test(kept) ? kept : randomBytes(32).toString('base64url')
  if (browser !== kept) reply.setCookie(cookie, browser, { path: '/', secure: true, httpOnly: true, sameSite: 'lax' })
  return html`<input type="hidden" name="token" value="${tokenOf(parts, browser).toString('base64url')}" />`
}

/**
 * A posted form, checked: not sent by a page of another origin, with the token of this very browser, in the expected shape.
 * FORBIDDEN for the first two, BAD_USER_INPUT for the third. OWASP, "Cross-Site Request Forgery Prevention" (signed double submit).
 */
export function readForm<T>(parts: FrameParts, request: FastifyRequest, shape: z.ZodType<T>): T {
  const { origin, 'sec-fetch-site': site } = request.headers
  // Browsers name the origin of every posted form; a client that names none is judged by the token alone.
  if (origin !== undefined && origin !== new URL(parts.publicUrl).origin) throw new EntenteError('FORBIDDEN', { check: 'origin' })
  if (site !== undefined && site !== 'same-origin') throw new EntenteError('FORBIDDEN', { check: 'sec-fetch-site' })
  const { token, ...fields } = z.record(z.string(), z.string()).safeParse(request.body).data ?? {}
  const browser = request.cookies[cookie]
  if (token === undefined || browser === undefined || !isTokenOf(parts, browser, token)) throw new EntenteError('FORBIDDEN', { check: 'token' })
  const form = shape.safeParse(fields)
  if (!form.success) throw new EntenteError('BAD_USER_INPUT', { check: 'form' })
  return form.data
}

function tokenOf(parts: FrameParts, browser: string): Buffer {
  return createHmac('sha256', parts.formKey).update(browser).digest()
}

function isTokenOf(parts: FrameParts, browser: string, token: string): boolean {
  const given = Buffer.from(token, 'base64url')
  const wanted = tokenOf(parts, browser)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}
