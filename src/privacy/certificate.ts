import type { Policy } from '../config/policy.ts'
import type { ErasureRow } from '../storage/erasures.ts'
import { fates } from '../storage/fates.ts'

export const certificateType = 'erasure-certificate+jwt'

/**
 * What a certificate says: when who was asked, what was removed where, what stays and why, and where the chains ended, by which the proof
 * that stays can be checked. No value of the person and no id that anybody knows them by.
 */
export function certificateClaims(row: ErasureRow, completedAt: Date, policy: Policy, issuer: string): Record<string, unknown> {
  return {
    iss: issuer,
    jti: row._id,
    iat: Math.floor(completedAt.getTime() / 1000),
    controller: policy.controller,
    policy_version: policy.version,
    asked_by: row.actor,
    requested_at: row.requestedAt.toISOString(),
    erased_at: row.erasedAt?.toISOString(),
    completed_at: completedAt.toISOString(),
    removed: Object.entries(row.found ?? {}).map(([store, records]) => ({ store, records })),
    providers_told: row.told ?? [],
    kept: (row.kept ?? []).map(({ purpose, categories, until }) => ({ purpose, categories, until: until.toISOString() })),
    stays: Object.entries(fates).flatMap(([store, fate]) => (typeof fate === 'string' && fate.startsWith('stays') ? [{ store, why: fate }] : [])),
    chains: (row.records ?? []).map(({ ledger, audit }) => ({ ledger, audit })),
  }
}
