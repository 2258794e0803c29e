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

const deviceCookie = '__Host-entente-device'
const deviceLife = 400 * 86_400 // seconds; browsers keep no cookie longer

/** By what the customer's list of devices knows this browser again: a random value that opens nothing, renewed at each sign-in. */
export function bindDevice(request: FastifyRequest, reply: FastifyReply): string {
  const kept = request.cookies[deviceCookie]
  const value = kept !== undefined && shape.test(kept) ? kept : randomBytes(32).toString('base64url')
  reply.setCookie(deviceCookie, value, { path: '/', secure: true, httpOnly: true, sameSite: 'lax', maxAge: deviceLife })
  return value
}
