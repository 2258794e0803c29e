import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomBytes } from 'node:crypto'

const cookie = '__Host-entente-login'
const shape = /^[A-Za-z0-9_-]{43}$/

/** Which browser this is: a random value in a `__Host-` cookie. A login transaction can be finished only with the value it was begun with. */
export function browserOf(request: FastifyRequest): string | null {
  const value = request.cookies[cookie]
  return value !== undefined && shape.test(value) ? value : null
}

/** The same, given to a browser that has none yet; Lax, so that the provider's redirect brings it back. */
export function bindBrowser(request: FastifyRequest, reply: FastifyReply): string {
  const known = browserOf(request)
  if (known !== null) return known
  const fresh = randomBytes(32).toString('base64url')
  reply.setCookie(cookie, fresh, { path: '/', secure: true, httpOnly: true, sameSite: 'lax', maxAge: 86_400 })
  return fresh
}
