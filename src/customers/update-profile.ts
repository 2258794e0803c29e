import type { Connection } from 'mongoose'
import * as z from 'zod'
import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import { gate, mayOf, type FieldMasks } from '../consent/gate.ts'
import { band, presence, region } from '../consent/reduce.ts'
import type { TakeBackForAge } from '../consent/taken-back-for-age.ts'
import { EntenteError } from '../errors.ts'
import { personOf, tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore, TraitValue } from '../storage/customers.ts'
import { inSharedTransaction } from '../storage/shared-transaction.ts'
import type { UpdateProfileInput } from './profile-input.ts'

export interface UpdateProfileParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly audit: Pick<AuditLog, 'inCustomerChain'>
  readonly policy: Policy
  /** Decisions that the row, as it is now, is too young for. */
  readonly takeBackForAge: TakeBackForAge
  /** Masks and category by path: `email`, `traits.clothingSize`. */
  readonly fields: ReadonlyMap<string, { readonly masks: FieldMasks; readonly category: string }>
}

const control = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u
const text = (longest: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(longest)
    .refine((value) => !control.test(value))

const written = {
  email: z.email().max(254),
  givenName: text(100),
  familyName: text(100),
  birthYear: z
    .int()
    .min(1900)
    .refine((year) => year <= new Date().getUTCFullYear()),
  postcode: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9][A-Za-z0-9 -]{0,10}[A-Za-z0-9]$/),
  country: z.string().regex(/^[A-Z]{2}$/),
  locale: z
    .string()
    .max(35)
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/),
} as const

const trait = z.union([text(200), z.int(), z.boolean(), z.array(text(200)).max(50).readonly()])

type Value = TraitValue | null
type Change = readonly [path: string, value: Value]

/**
 * Writes what the signed-in customer says about themself. Absent means unchanged. Null clears, and is refused for what this client may not
 * read: it would punish the customer's choice. A reduced value that comes back as it was shown changes nothing. The answer depends on the
 * input alone: BAD_USER_INPUT names the field, never the value. UNAUTHENTICATED FORBIDDEN
 */
export async function updateProfile(parts: UpdateProfileParts, caller: Caller | null, input: UpdateProfileInput, at: Date): Promise<void> {
  const key = personOf(caller)
  const changes = changesIn(input)
  await inSharedTransaction(parts.db, key, async (tx) => {
    const row = await parts.customers.read(key, tx)
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'customer is not active' })
    const real = changes.filter((change) => isChange(parts, tokenOf(caller), row, change, at))
    if (real.length === 0) return
    const categories = [...new Set(real.map(([path]) => fieldAt(parts, path).category))].sort()
    const audit = await parts.audit.inCustomerChain(tx, key, row.audit, eventOf(caller, key, categories), at)
    await parts.customers.update(tx, key, { ...clearsOf(real), $set: { ...setsOf(row, real, at), audit } }, 'active', row)
    if (!real.some(([path]) => path === 'birthYear')) return
    const after = await parts.customers.read(key, tx)
    if (after !== null) await parts.takeBackForAge(tx, after, tokenOf(caller).clientId, at)
  })
}

function changesIn(input: UpdateProfileInput): Change[] {
  const { traits, ...profile } = input
  if (traits === null) throw refused('traits')
  const own = Object.entries(profile).map(([name, value]): Change => [name, value === null ? null : checked(name, written, value)])
  const shops = Object.entries(traits ?? {}).map(([name, value]): Change => [`traits.${name}`, value === null ? null : valid(`traits.${name}`, trait, value)])
  return [...own, ...shops]
}

function checked(name: string, rules: Readonly<Record<string, z.ZodType<Value>>>, value: unknown): Value {
  const rule = rules[name]
  if (!rule) throw refused(name)
  return valid(name, rule, value)
}

function valid(path: string, rule: z.ZodType<Value>, value: unknown): Value {
  const result = rule.safeParse(value)
  if (!result.success) throw refused(path)
  return result.data
}

function isChange(parts: UpdateProfileParts, caller: Caller, row: CustomerRow, [path, value]: Change, at: Date): boolean {
  const form = gate(fieldAt(parts, path).masks, mayOf(caller, row, parts.policy, at.getTime()))
  if (value === null && form === 'withheld') throw refused(path)
  if (form === 'withheld' || form.form === 'FULL') return true
  if (form.form === 'BAND') return typeof row.birthYear !== 'number' || value !== band(row.birthYear)
  if (form.form === 'REGION') return typeof row.postcode !== 'string' || value !== region(row.postcode)
  return form.form !== 'PRESENCE' || value !== presence
}

function fieldAt(parts: UpdateProfileParts, path: string) {
  const field = parts.fields.get(path)
  if (!field) throw refused(path)
  return field
}

function setsOf(row: CustomerRow, changes: readonly Change[], at: Date): Record<string, unknown> {
  const sets: Record<string, unknown> = {}
  for (const [path, value] of changes) {
    if (value !== null) sets[path] = value
    sets[`sources.${path.replace('.', ':')}`] = { from: 'customer', at }
    if (path !== 'email') continue
    sets['emailProof'] = 'none'
    if (row.emailUndeliverable === true && row.email !== value) sets['emailUndeliverable'] = false
  }
  return sets
}

function clearsOf(changes: readonly Change[]) {
  const cleared = changes.filter(([, value]) => value === null)
  return cleared.length === 0 ? {} : { $unset: Object.fromEntries(cleared.map(([path]) => [path, ''] as const)) }
}

const eventOf = (caller: Caller | null, key: CustomerKey, categories: readonly string[]) =>
  ({ type: 'profile.updated', client: caller?.clientId ?? null, actor: 'customer', subjects: [key], categories }) as const

const refused = (field: string): EntenteError => new EntenteError('BAD_USER_INPUT', { field }, { field })
