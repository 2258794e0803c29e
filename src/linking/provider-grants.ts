import type { JobQueue } from '../jobs/queue.ts'
import type { IdentityRow } from '../storage/identities.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { Tx } from '../storage/transaction.ts'
import type { Claims } from './claims.ts'

/**
 * What a provider takes back to end our access to an account there: kept encrypted beside the identity, for that one use. With the identity
 * it goes, and the provider is told by a job of the same transaction.
 */
export function providerGrants({ jobs, key }: { readonly jobs: Pick<JobQueue, 'put'>; readonly key: Buffer }) {
  return {
    sealed: (identity: string, { grant }: Claims): { readonly grant?: string } => (grant === undefined ? {} : { grant: seal(key, grant, identity) }),

    async revoke(tx: Tx, { _id, provider, publicId, grant: kept }: IdentityRow): Promise<void> {
      const grant = kept === undefined ? undefined : unseal(key, kept, _id)?.toString()
      if (grant !== undefined) await jobs.put({ kind: 'revokeGrant', id: publicId, payload: { provider, grant } }, tx)
    },
  }
}

export type ProviderGrants = ReturnType<typeof providerGrants>
