import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { LoginVariant } from '../config/login-page.ts'
import type { FrameParts, Way } from './parts.ts'
import { keepSealed, readSealed } from './sealed-cookies.ts'

const cookie = '__Host-entente-ways'
const year = 31_536_000

/** How often each provider was chosen on this device, the latest first. No account, no person. */
const history = z.array(z.tuple([z.string(), z.number().int()])).max(20)
type History = z.infer<typeof history>

export function historyOf(parts: FrameParts, request: FastifyRequest): History {
  return readSealed(parts, request, cookie, history) ?? []
}

/** Counts a choice; the counts stop at 99 so that a habit can change. */
export function chosen(before: History, provider: string): History {
  const times = before.find(([id]) => id === provider)?.[1] ?? 0
  const others = before.filter(([id]) => id !== provider)
  return [[provider, Math.min(times + 1, 99)], ...others.slice(0, 19)]
}

export function rememberChoice(parts: FrameParts, request: FastifyRequest, reply: FastifyReply, provider: string): void {
  keepSealed(parts, reply, cookie, chosen(historyOf(parts, request), provider), year)
}

/** The most used first, the later of two equals before the other; then those never used, in the order of the configuration. */
export function inOrderOfUse(ways: readonly Way[], used: History): Way[] {
  const rank = ({ id }: Way) => {
    const index = used.findIndex(([name]) => name === id)
    return index < 0 ? 0 : (used[index]?.[1] ?? 0) + 1 / (index + 2)
  }
  return [...ways].sort((one, other) => rank(other) - rank(one))
}

/** What a variant of the login page shows, in its order; a way that was used in this browser before is never missing. */
export function inVariant(ways: readonly Way[], variant: LoginVariant | null, used: History): readonly Way[] {
  const named = variant?.providers?.map((id) => ways.find((way) => way.id === id)).filter((way) => way !== undefined) ?? []
  if (named.length === 0) return ways
  return [...named, ...ways.filter((way) => !named.includes(way) && used.some(([id]) => id === way.id))]
}
