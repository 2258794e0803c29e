import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { JobHandler } from '../jobs/worker.ts'
import { Hopeless } from '../jobs/worker.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { normaliseAddress } from '../linking/address.ts'
import { addressKey, type LinkingKeys } from '../linking/keys.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { EmailStore } from '../storage/emails.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { CodeStore } from '../storage/redis.ts'
import type { MailLimits } from './mail-limits.ts'

/** What a code is asked for and where it counts: in one browser, for one interaction or grant. */
export interface CodePlace {
  readonly browser: string
  readonly purpose: 'signIn' | 'stepUp'
  readonly interaction: string
}

export interface CodeRequest extends CodePlace {
  /** As somebody typed it, or as it is stored. */
  readonly address: string
  readonly locale: string | null
  readonly ip: string
}

export interface MailCodeParts {
  readonly codes: CodeStore
  readonly limits: MailLimits
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly post: Pick<Post, 'send' | 'available'>
  readonly emails: Pick<EmailStore, 'read'>
  readonly customers: Pick<CustomerStore, 'read'>
  /** For what lies in Redis. */
  readonly key: Buffer
  readonly addressKeys: Pick<LinkingKeys, 'address'>
  readonly now?: () => number
}

const minutes = 10
const tries = 5

const waiting = z.strictObject({ id: z.string(), hash: z.string(), address: z.string(), sentAt: z.number() })
const errand = z.strictObject({ id: z.string(), address: z.string(), code: z.string(), locale: z.string().nullable(), until: z.number() })

/**
 * One-time codes by mail. Asking for one is the same work and the same answer whether the address is known: that is looked up only when the
 * letter is written, later and elsewhere, and again when the right code has come. Redis holds hashes, sealed.
 */
export function mailCodes(parts: MailCodeParts) {
  const { codes, limits, jobs, post, emails, customers, key, addressKeys, now = Date.now } = parts
  const digest = (...texts: readonly string[]) => createHmac('sha256', key).update(JSON.stringify(texts)).digest('base64url')
  const at = ({ browser, purpose, interaction }: CodePlace) => digest('place', browser, purpose, interaction)

  async function ownerOf(address: string, since: number): Promise<CustomerKey | null> {
    const email = await emails.read(address)
    const row = email && (await customers.read(email.customer))
    return row?.state === 'active' && row.tokensValidFrom.getTime() <= since ? row._id : null
  }

  async function send(request: CodeRequest): Promise<void> {
    if (!post.available) throw new EntenteError('PROVIDER_UNAVAILABLE', { why: 'no mail server is configured' })
    const address = normaliseAddress(request.address.trim())
    if (address === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'address' })
    const code = String(randomInt(10 ** 8)).padStart(8, '0')
    const id = randomBytes(16).toString('base64url')
    const sentAt = now()
    const stored = { id, hash: digest('code', id, code), address: addressKey(addressKeys, address), sentAt }
    const place = at(request)
    await orUnavailable(limits.admit(stored.address, request.ip))
    await orUnavailable(codes.put(place, id, seal(key, JSON.stringify(stored), place), tries, minutes * 60))
    const payload = { id, address, code, locale: request.locale, until: sentAt + minutes * 60_000 }
    await jobs.put({ kind: 'mailCode', id, payload })
    jobs.wake()
  }

  async function check({ code, ...place }: CodePlace & { readonly code: string }): Promise<CustomerKey | null> {
    const label = at(place)
    const sealed = await orUnavailable(codes.read(label))
    const plain = sealed === null ? null : unseal(key, sealed, label)
    if (sealed === null || plain === null) return null
    const { id, hash, address, sentAt } = waiting.parse(JSON.parse(plain.toString()))
    // Counted before it is compared, so that a hundred at once are still five.
    if (!(await orUnavailable(codes.useTry(id))) || now() - sentAt > minutes * 60_000) return null
    const said = digest('code', id, code.replaceAll(/[\s-]/g, ''))
    if (!timingSafeEqual(Buffer.from(said), Buffer.from(hash))) return null
    return (await orUnavailable(codes.take(label, sealed))) ? ownerOf(address, sentAt) : null
  }

  /** Writes the letter, if the address is anybody's. */
  const deliver: JobHandler = async ({ payload }) => {
    const read = errand.safeParse(payload)
    if (!read.success) throw new Hopeless('not an errand')
    const { id, address, code, locale, until } = read.data
    const customer = await ownerOf(addressKey(addressKeys, address), now())
    if (customer === null || until <= now()) return
    await post.send(null, { kind: 'signInCode', facts: { code, minutes }, to: address, locale, customer, id: `code:${id}`, usefulUntil: new Date(until) })
  }

  return {
    available: post.available,
    /**
     * A code of 8 digits on its way, for 10 minutes; the one sent for the same place before no longer counts. Says nothing about whether
     * the address is known. BAD_USER_INPUT RATE_LIMITED; PROVIDER_UNAVAILABLE without mail server or Redis
     */
    send,
    /**
     * The customer who proved the address, once: null for a wrong, late or used code, after five tries in all, in another browser, and when
     * the customer's tokens were ended since it was sent. PROVIDER_UNAVAILABLE
     */
    check,
    deliver,
  }
}

export type MailCodes = ReturnType<typeof mailCodes>

/** Without Redis nothing can be counted, so nothing is let in. */
async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof EntenteError ? error : new EntenteError('PROVIDER_UNAVAILABLE', { why: 'Redis does not answer' }, {}, error)
  }
}
