import { allowInsecureRequests, customFetch, discovery, None, type ServerMetadata } from 'openid-client'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { ProviderId } from './provider.ts'
import type { ProviderHttp } from './provider-http.ts'

/** A provider's announced endpoints (OpenID Connect Discovery). PROVIDER_UNAVAILABLE until they were read once. */
export type ProviderMetadata = () => Promise<ServerMetadata>

export interface MetadataParts {
  readonly provider: ProviderId
  readonly issuer: string
  readonly http: ProviderHttp
  readonly now: () => number
  /** Which endpoints may be used, beyond what `http` permits. */
  readonly pinned?: (endpoint: URL) => boolean
}

const hourly = 3_600_000
const pause = 60_000 // after a refresh that failed

/** Read when first needed and again every hour in the background; the last good document carries through outages and lies. */
export function openMetadata(parts: MetadataParts): ProviderMetadata {
  let good: ServerMetadata | undefined
  let due = 0
  let reading: Promise<ServerMetadata> | undefined
  const read = () =>
    (reading ??= readMetadata(parts)
      .then((metadata) => {
        due = parts.now() + hourly
        return (good = metadata)
      })
      .finally(() => (reading = undefined)))

  return async () => {
    if (good === undefined) return read()
    if (parts.now() >= due) {
      due = parts.now() + pause
      read().catch(() => {})
    }
    return good
  }
}

const text = z.string().max(2048)
const document = z.object({
  issuer: text,
  authorization_endpoint: text,
  token_endpoint: text,
  jwks_uri: text,
  userinfo_endpoint: text.exactOptional(),
  revocation_endpoint: text.exactOptional(),
  id_token_signing_alg_values_supported: z.array(text).exactOptional(),
  token_endpoint_auth_methods_supported: z.array(text).exactOptional(),
  authorization_response_iss_parameter_supported: z.boolean().exactOptional(),
})

async function readMetadata({ provider, issuer, http, pinned = () => true }: MetadataParts): Promise<ServerMetadata> {
  const unusable = (reason: string, cause?: unknown) => new EntenteError('PROVIDER_UNAVAILABLE', { provider, reason }, {}, cause)
  const found = await discovery(new URL(issuer), 'reader', undefined, None(), {
    [customFetch]: (url, request) => http.fetch(url, request),
    execute: [allowInsecureRequests], // `http` decides who may be asked without TLS
  }).catch((error: unknown) => {
    throw error instanceof Error && error.cause instanceof EntenteError ? error.cause : unusable('discovery unreadable', error)
  })
  const metadata = document.safeParse(found.serverMetadata())
  if (!metadata.success) throw unusable('discovery incomplete')
  if (metadata.data.issuer !== issuer) throw unusable('discovery of another issuer')
  const { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint = token_endpoint, revocation_endpoint = token_endpoint } = metadata.data
  const isUsable = (url: string) => http.permits(url) && pinned(new URL(url))
  if (![authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint, revocation_endpoint].every(isUsable)) throw unusable('endpoint not allowed')
  return metadata.data
}
