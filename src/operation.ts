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
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  /** When the person last proved who they are, milliseconds; null for tools. */
  readonly authTime: number | null
  /** The grant the token stands on; ending the grant ends the token. Null for tools. */
  readonly grant: string | null
}
