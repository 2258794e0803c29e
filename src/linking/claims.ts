/** What a provider says about who signs in: all that a dialect may hand on. Text is cleaned and bounded; what was unfit is absent. */
export interface Claims {
  /** Id of the provider's configuration. */
  readonly provider: string
  /** A constant of the issuer's family, never built from a response; goes into the identity's key. */
  readonly issuer: string
  readonly subject: string
  readonly address?: { readonly value: string; readonly proof: 'authoritative' | 'verified' | 'none'; readonly relay?: boolean }
  readonly givenName?: string
  readonly familyName?: string
  /** https only. */
  readonly pictureUrl?: string
  readonly locale?: string
  readonly authTime?: Date
  /** The provider's own words about how it authenticated (`amr`, `acr`, `hd`, `real_user_status`): recorded, never trusted. */
  readonly assurance: Readonly<Record<string, string>>
  /** A secret: what the provider takes back when the login is removed here. */
  readonly grant?: string
}
