import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { Hopeless, type JobHandler } from '../../jobs/worker.ts'
import type { JobQueue } from '../../jobs/queue.ts'
import { eventKinds, type ProviderEvent } from '../../linking/decide-provider-event.ts'
import type { Provider, ProviderId } from '../provider.ts'
import type { Notice } from './event.ts'

export interface InboxParts {
  readonly providers: ReadonlyMap<ProviderId, Provider>
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  /** Names the events: what a provider calls them says nothing to whoever reads the queue, and nobody can guess another's. */
  readonly key: Buffer
}

/** What was kept of a notice. */
export interface Received {
  /** 128 bits that nobody can guess, the same for the same event: what a person may ask about it by. */
  readonly confirmations: readonly string[]
}

const event: z.ZodType<ProviderEvent> = z.object({
  id: z.string(),
  provider: z.string(),
  kind: z.enum(eventKinds),
  identity: z.object({ issuer: z.string(), subject: z.string() }).nullable(),
  at: z.coerce.date(),
  reason: z.string().exactOptional(),
})

/** Takes what a provider posts: verified first, then kept, then answered; carried out after. The same event again is kept once. BAD_USER_INPUT PROVIDER_UNAVAILABLE */
export function eventInbox({ providers, jobs, key }: InboxParts) {
  return async (provider: ProviderId, notice: Notice): Promise<Received> => {
    const events = (await providers.get(provider)?.events?.read(notice)) ?? []
    const confirmations: string[] = []
    for (const { at, ...one } of events) {
      const id = confirmationOf(key, provider, one.id)
      await jobs.put({ kind: 'providerEvent', id, payload: { ...one, at: at.toISOString() } })
      confirmations.push(id)
    }
    jobs.wake()
    return { confirmations }
  }
}

/** Carries out what was kept. */
export function eventWork(hear: (told: ProviderEvent) => Promise<void>): JobHandler {
  return async ({ payload }) => {
    const told = event.safeParse(payload)
    if (!told.success) throw new Hopeless('not an event')
    await hear(told.data)
  }
}

const confirmationOf = (key: Buffer, provider: ProviderId, id: string): string =>
  createHmac('sha256', key).update(`${provider.length}:${provider}:${id}`).digest().subarray(0, 16).toString('base64url')
