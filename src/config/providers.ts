/** How each provider is reached; filled by `config/env.ts` and PROVIDERS_FILE, used by the dialects. */

export interface GoogleConfig {
  readonly clientId: string
  readonly clientSecret: string
  /** Takes the place of Google's issuer and all its hosts. */
  readonly baseUrl?: string
  /** Only accounts of this Workspace domain, by the signed `hd` claim. */
  readonly hostedDomain?: string
}

export interface AppleConfig {
  /** The Services ID. */
  readonly clientId: string
  readonly teamId: string
  readonly keyId: string
  /** PEM (PKCS #8), EC P-256, as downloaded. */
  readonly privateKey: string
  /** Takes the place of Apple's issuer and host. */
  readonly baseUrl?: string
}

export interface FacebookConfig {
  /** The app id. */
  readonly clientId: string
  readonly clientSecret: string
  /** Such as `v26.0`; versions end after about two years. */
  readonly graphVersion: string
  /** Takes the place of all of Facebook's hosts. */
  readonly baseUrl?: string
}

export interface OidcProviderConfig {
  readonly id: string
  readonly name: string
  /** Byte for byte as the provider's tokens have it. */
  readonly issuer: string
  readonly clientId: string
  /** One of the two: a secret, or a PEM (PKCS #8) key for `private_key_jwt`. */
  readonly clientSecret?: string | undefined
  readonly privateKey?: string | undefined
  readonly keyId?: string | undefined
  readonly scopes: readonly string[]
  /** Mail domains that this provider runs, so that its word on an address there is proof of owning it now. */
  readonly authoritativeFor: readonly string[]
  /** May stand in `aud` beside our client id. */
  readonly trustedAudiences: readonly string[]
  /** Takes `email_verified: "true"` as well as `true`. */
  readonly textFlags: boolean
}

/** Which providers there are; one that is absent is switched off. */
export interface ProvidersConfig {
  readonly google?: GoogleConfig
  readonly apple?: AppleConfig
  readonly facebook?: FacebookConfig
  readonly further: readonly OidcProviderConfig[]
  /** Whether a provider whose configured address is this machine may be asked there: simulated providers. */
  readonly allowLoopback: boolean
}
