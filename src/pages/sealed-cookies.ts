import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { FrameParts } from './parts.ts'

const envelope = z.tuple([z.number(), z.unknown()])

/** Encrypts a value together with its end, for a cookie or a link. `seconds` from now. */
export function sealFor(parts: FrameParts, label: string, value: unknown, seconds: number): string {
  return parts.seal(JSON.stringify([parts.now().getTime() + seconds * 1000, value]), label)
}

/** What `sealFor` closed, if it is still in time and of that shape; else null. */
export function unsealAs<T>(parts: FrameParts, label: string, sealed: string | undefined, shape: z.ZodType<T>): T | null {
  const text = sealed === undefined || sealed.length > 8192 ? null : parts.unseal(sealed, label)
  if (text === null) return null
  const [until, value] = envelope.parse(JSON.parse(text))
  if (until < parts.now().getTime()) return null
  return shape.safeParse(value).data ?? null
}

const attributes = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const

/** Keeps an encrypted value at the browser under a `__Host-` name, for so many seconds. */
export function keepSealed(parts: FrameParts, reply: FastifyReply, name: `__Host-${string}`, value: unknown, seconds: number): void {
  reply.setCookie(name, sealFor(parts, name, value, seconds), { ...attributes, maxAge: seconds })
}

export function readSealed<T>(parts: FrameParts, request: FastifyRequest, name: `__Host-${string}`, shape: z.ZodType<T>): T | null {
  return unsealAs(parts, name, request.cookies[name], shape)
}

export function dropCookie(reply: FastifyReply, name: `__Host-${string}`): void {
  reply.clearCookie(name, attributes)
}
