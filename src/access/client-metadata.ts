import type { AllClientMetadata } from 'oidc-provider'
import type { Client, ClientGrant } from '../config/clients.ts'

/** The grant of `loginWithIdToken`: an ID token that the device's own dialog gave, for tokens of ours. */
export const idTokenGrant = 'urn:entente:params:oauth:grant-type:id-token'

const grantTypes: Readonly<Record<ClientGrant, string>> = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  client_credentials: 'client_credentials',
  id_token: idTokenGrant,
}

const methods = { none: 'none', secret: 'client_secret_basic', private_key_jwt: 'private_key_jwt' } as const

/** A client in the words of OpenID Connect Dynamic Client Registration 1.0, for the OpenID provider. */
export function metadataOf(client: Client): AllClientMetadata {
  const people = client.grants.includes('authorization_code') || client.grants.includes('id_token')
  return {
    client_id: client.id,
    client_name: client.name,
    application_type: client.application,
    token_endpoint_auth_method: methods[client.authentication],
    ...(client.secret !== undefined && { client_secret: client.secret }),
    ...(client.jwks !== undefined && { jwks: client.jwks }),
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    grant_types: client.grants.map((grant) => grantTypes[grant]),
    response_types: client.grants.includes('authorization_code') ? ['code'] : [],
    subject_type: people ? 'pairwise' : 'public',
    ...(people && { sector_identifier_uri: sectorUri(client.sector) }),
    ...(client.backchannelLogoutUri !== undefined && { backchannel_logout_uri: client.backchannelLogoutUri, backchannel_logout_session_required: true }),
  }
}

/** Never fetched: a name, so that a client may have redirect URIs on several hosts. */
const sectorUri = (sector: string): string => `https://${encodeURIComponent(sector)}.sector.invalid/`
