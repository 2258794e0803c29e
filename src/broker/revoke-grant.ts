import { z } from 'zod'
import { Hopeless, type JobHandler } from '../jobs/worker.ts'
import type { Provider, ProviderId } from './provider.ts'

const asked = z.object({ provider: z.string(), grant: z.string() })

/** Tells a provider that we no longer want access to an account there; a provider without a way to be told is passed over. */
export function revokeGrant(providers: ReadonlyMap<ProviderId, Provider>): JobHandler {
  return async ({ payload }) => {
    const job = asked.safeParse(payload)
    if (!job.success) throw new Hopeless('not a grant')
    await providers.get(job.data.provider)?.revoke?.(job.data.grant)
  }
}
