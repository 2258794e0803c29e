import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'
import type { CustomerRow } from '../../src/storage/customers.ts'
import { chainStart } from '../../src/audit/log.ts'

export interface Taken {
  readonly status: number
  readonly error: { readonly error: string; readonly field?: string; readonly since?: string; readonly after?: string; readonly retryAfter?: number } | null
  readonly people: readonly Readonly<Record<string, unknown>>[]
  readonly suppressed: readonly { readonly id: string; readonly suppressed: string }[]
  readonly cursor: string
  readonly complete: boolean
}

type Asked = Readonly<Record<string, string>>

export const audienceUrl = (url: string, segment: string, asked: Asked): string => `${url}/v1/audiences/${segment}?${new URLSearchParams(asked)}`

/** What a tool does with an audience: reads it to the end. */
export async function take(url: string, token: string | null, segment: string, asked: Asked): Promise<Taken> {
  const response = await fetch(audienceUrl(url, segment, asked), { headers: token === null ? {} : { authorization: `Bearer ${token}` } })
  const text = await response.text()
  const nothing = { status: response.status, people: [], suppressed: [], cursor: '', complete: false }
  return response.ok ? { ...nothing, error: null, ...linesOf(text) } : { ...nothing, error: JSON.parse(text) }
}

export function linesOf(text: string): Pick<Taken, 'people' | 'suppressed' | 'cursor' | 'complete'> {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  const last = lines.findLast((line) => 'cursor' in line)
  return {
    people: lines.filter((line) => 'id' in line && !('suppressed' in line)),
    suppressed: lines.filter((line) => 'suppressed' in line),
    cursor: last?.cursor ?? '',
    complete: last?.complete === true,
  }
}

/** People who agreed to these purposes and are in these audiences, as the gateway keeps them. Their keys, in order. */
export async function addMembers(db: Db, count: number, purposes: readonly string[], memberships: readonly string[], other: object = {}): Promise<string[]> {
  const at = new Date()
  const rows = Array.from({ length: count }, (_, n): CustomerRow => ({
    _id: randomBytes(16).toString('base64url'),
    state: 'active',
    createdAt: at,
    email: `member.${n}@people.example`,
    emailProof: 'verified',
    givenName: 'Mia',
    country: 'DE',
    sources: {},
    decisions: Object.fromEntries(purposes.map((purpose) => [purpose, { state: 'granted', textVersion: '2026-01', at }])),
    grants: purposes.map((purpose) => `${purpose}@2026-01`),
    objections: [],
    restricted: false,
    memberships: [...memberships],
    tokensValidFrom: at,
    endedGrants: [],
    consentVersion: 1,
    identities: [],
    ledger: chainStart,
    audit: chainStart,
    ...other,
  }))
  await db.collection<CustomerRow>('customers').insertMany(rows)
  return rows.map(({ _id }) => _id).sort()
}
