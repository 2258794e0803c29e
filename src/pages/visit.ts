import { createHash, randomInt } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { deviceClass } from '../access/devices.ts'
import { tookBand, type FunnelStep } from '../audit/login-funnel.ts'
import type { LoginVariant } from '../config/login-page.ts'
import type { FrameParts } from './parts.ts'
import { keepSealed, readSealed } from './sealed-cookies.ts'

const cookie = '__Host-entente-visit'
const life = 86_400 // seconds
const mostCounted = 80

/** What a browser keeps for a day of its logins, sealed: no name for itself, only what was counted already. Times in milliseconds. */
const visitShape = z.object({
  since: z.number(),
  variant: z.string(),
  client: z.string(),
  way: z.string(),
  /** When the login under way began; 0 for none. */
  begunAt: z.number(),
  counted: z.array(z.string()),
})
type Visit = z.infer<typeof visitShape>

const underWay = new WeakMap<FastifyRequest, Visit>()

/** Draws by shares; `roll` is from 0 up to, not including, their sum. */
export function variantAt(variants: readonly LoginVariant[], roll: number): LoginVariant | null {
  let left = roll
  for (const variant of variants) {
    if (left < variant.share) return variant
    left -= variant.share
  }
  return null
}

export const sharesOf = (variants: readonly LoginVariant[]): number => variants.reduce((sum, { share }) => sum + share, 0)

/**
 * How one browser's login is counted. A browser counts once a day at each place, so that a number stands for as many browsers; it is told
 * again by nothing but a cookie that says what it was counted for.
 */
export function visitOf(parts: FrameParts, request: FastifyRequest, reply: FastifyReply) {
  const { loginVariants } = parts.policy
  const now = parts.now().getTime()
  const kept = underWay.get(request) ?? readSealed(parts, request, cookie, visitShape)
  const known = kept !== null && now - kept.since < life * 1000 && (loginVariants.length === 0 || loginVariants.some(({ id }) => id === kept.variant))
  const drawn = () => (loginVariants.length === 0 ? '' : (variantAt(loginVariants, randomInt(sharesOf(loginVariants)))?.id ?? ''))
  const visit = known ? kept : { since: now, variant: drawn(), client: '', way: '', begunAt: 0, counted: [] }
  underWay.set(request, visit)

  function keep(change: Partial<Visit>): void {
    Object.assign(visit, change)
    keepSealed(parts, reply, cookie, visit, Math.max(1, Math.ceil((visit.since + life * 1000 - now) / 1000)))
  }
  const markOf = (step: FunnelStep, provider: string, outcome: string) =>
    createHash('sha256').update([visit.client, step, provider, outcome].join('|')).digest('base64url').slice(0, 8)

  function count(step: FunnelStep, provider: string, outcome = ''): void {
    const mark = markOf(step, provider, outcome)
    if (visit.client === '' || visit.counted.includes(mark) || visit.counted.length >= mostCounted) return
    const { client, variant } = visit
    parts.countLogin({ client, provider, variant, step, outcome, device: deviceClass(request.headers['user-agent']) })
    keep({ counted: [...visit.counted, mark] })
  }

  return {
    /** The form of the login page for this browser; null: the usual one. */
    variant: loginVariants.find(({ id }) => id === visit.variant) ?? null,

    pageShown(client: string): void {
      keep({ client, begunAt: now, way: '' })
      count('shown', '')
    },
    wayChosen(client: string, way: string): void {
      keep({ client, way, ...(visit.begunAt === 0 && { begunAt: now }) })
      count('started', way)
    },
    /** At the way that was chosen last. */
    came: (step: 'atProvider' | 'factorAsked'): void => count(step, visit.way),
    cancelled: (): void => count('cancelled', visit.way),
    failed: (code: string): void => count('failed', visit.way, code),
    finished(): void {
      count('finished', visit.way)
      if (visit.begunAt > 0) count('took', visit.way, tookBand(now - visit.begunAt))
      if (visit.counted.includes(markOf('shown', '', ''))) count('arrived', '')
      keep({ begunAt: 0 })
    },
    linkBegun(client: string, provider: string): void {
      keep({ client })
      count('linkStarted', provider)
    },
    linked: (provider: string): void => count('linked', provider),
    linkFailed: (provider: string, code: string): void => count('linkFailed', provider, code),
    consent(client: string, way: string, answer: 'asked' | 'given' | 'refused' | 'open'): void {
      keep({ client })
      count('consent', way, answer)
    },
  }
}

export type LoginVisit = ReturnType<typeof visitOf>

/** After a way in: signed in, or led to the page that asks for more. */
export const countEntry = (visit: LoginVisit, url: string): void => (url.startsWith('/confirm?') ? visit.came('factorAsked') : visit.finished())
