import { EntenteError } from './errors.ts'

/** A customer's key inside the house: 16 random bytes as base64url (22 characters). Never leaves it; see `access/subjects.ts`. */
export type CustomerKey = string

/** A set of purposes, one bit each; at most 31 fit. */
export type Mask = number

/** Who asks, worked out once a request from a checked access token and today's client and policy files. */
export interface Caller {
  readonly clientId: string
  /** The house whose customer ids this client gets. */
  readonly sector: string
  /** The signed-in customer; null for a tool that acts on its own (client_credentials). */
  readonly customer: CustomerKey | null
  /** Purposes in the token that the client may still act for, built-in ones included. */
  readonly purposes: Mask
  readonly scopes: ReadonlySet<string>
  /** For a person with roles: the names under which they stand in the list of operators now. */
  readonly operator?: readonly string[]
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  /** When the person last proved who they are, milliseconds; null for tools. */
  readonly authTime: number | null
  /** The grant the token stands on; ending the grant ends the token. Null for tools. */
  readonly grant: string | null
}

/** What is known of the request itself. */
export interface RequestFacts {
  readonly ip: string
  /** The `Accept-Language` header as it came; null when there is none. */
  readonly locale: string | null
  readonly userAgent: string | null
}

/** Which operator did something, for the log; nothing where a tool did. */
export const byOperator = ({ operator = [] }: Caller): { readonly operator?: string } => (operator.length === 0 ? {} : { operator: operator.join(' ') })

/** UNAUTHENTICATED without a token. */
export function tokenOf(caller: Caller | null): Caller {
  if (caller === null) throw new EntenteError('UNAUTHENTICATED', { why: 'no token' })
  return caller
}

/** The signed-in customer. UNAUTHENTICATED without a token, FORBIDDEN for a tool. */
export function personOf(caller: Caller | null): CustomerKey {
  const { customer } = tokenOf(caller)
  if (customer === null) throw new EntenteError('FORBIDDEN', { why: 'no customer in the token' })
  return customer
}
