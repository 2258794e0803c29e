import { parse } from 'yaml'
import { z } from 'zod'
import { ClientsError } from './clients.ts'

/** What a member of the staff may do: read the log and alerts, change clients, handle requests under privacy law, try rules. Also scopes of tools. */
export const operatorRoles = ['audit:read', 'clients:write', 'privacy:handle', 'segments:read'] as const
export type OperatorRole = (typeof operatorRoles)[number]

export const isOperatorRole = (scope: string): scope is OperatorRole => operatorRoles.some((role) => role === scope)

/** A member of the staff, by a login of theirs: either its subject, or an address that this provider itself vouches for. */
export type Operator = {
  /** As the log and other operators call them. */
  readonly name: string
  readonly roles: readonly OperatorRole[]
} & ({ readonly issuer: string; readonly subject: string } | { readonly provider: string; readonly address: string })

const shared = {
  name: z.string().regex(/^[a-z][a-z0-9.-]{0,31}$/, 'must be lower-case letters, digits, dots and dashes, at most 32'),
  roles: z.array(z.enum(operatorRoles)).min(1),
}
const operator = z.union([
  z.strictObject({ ...shared, issuer: z.string().min(1).max(500), subject: z.string().min(1).max(255) }),
  z.strictObject({ ...shared, provider: z.string().min(1).max(32), address: z.email().max(254) }),
])
const list = z
  .array(operator)
  .max(200)
  .default([])
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'has a name twice')

/** The list `operators` of a clients file that `readClients` has read. Throws `ClientsError`. */
export function readOperators(text: string, fileName: string): readonly Operator[] {
  const file = z.looseObject({ operators: z.unknown().optional() }).parse(parse(text))
  const read = list.safeParse(file.operators)
  if (read.success) return read.data
  throw new ClientsError(read.error.issues.map(({ path, message }) => `${fileName} operators.${path.join('.')}: ${message}`))
}
