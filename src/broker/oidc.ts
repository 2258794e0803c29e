import { createPrivateKey, type webcrypto } from 'node:crypto'
import { ClientSecretBasic, ClientSecretPost, PrivateKeyJwt, type ClientAuth, type ServerMetadata } from 'openid-client'
import { addressClaim, assuranceClaims, domainOf, isTrue, profileClaims } from './claims.ts'
import { authorizationUrl, revokeToken, signInByCode, userinfo, type CodeClient, type DialectParts } from './code-flow.ts'
import { verifyDeviceToken, type IdTokenRules, type VerifiedIdToken } from './id-token.ts'
import type { Claims, Provider, ProviderId } from './provider.ts'
import { openKeys } from './provider-keys.ts'
import { openMetadata } from './provider-metadata.ts'
import type { OidcProviderConfig } from '../config/providers.ts'

const known = ['RS256', 'ES256', 'PS256', 'EdDSA']

/** Any provider that keeps to OpenID Connect, by configuration alone. */
export function oidc(config: OidcProviderConfig, { http, now }: DialectParts): Provider {
  const { id, name, issuer, clientId } = config
  const metadata = openMetadata({ provider: id, issuer, http, now })
  const keys = openKeys({ http, now, urls: async () => [(await metadata()).jwks_uri ?? ''] })
  const authentication = clientAuthentication(config)
  const rules = async (): Promise<IdTokenRules> => {
    const { id_token_signing_alg_values_supported: announced = ['RS256'] } = await metadata()
    return { provider: id, issuers: [issuer], algorithms: known.filter((alg) => announced.includes(alg)), keys, now, furtherAudiences: config.trustedAudiences }
  }
  const client = async (): Promise<CodeClient> => {
    const server = await metadata()
    return { provider: id, metadata: server, clientId, authentication: authentication(server), fetch: http.fetch }
  }
  return {
    id,
    name,
    responseMode: 'query',
    available: http.available,
    authorizationUrl: async (login) =>
      authorizationUrl(await client(), login, {
        scope: config.scopes.join(' '),
        ...(login.locale !== undefined && { ui_locales: login.locale }),
      }),
    async exchange(login, callback) {
      const us = await client()
      const { accessToken, grant, ...verified } = await signInByCode(us, await rules(), login, callback)
      const further = us.metadata.userinfo_endpoint === undefined ? {} : await userinfo(us, accessToken, verified.subject)
      // Where both speak, the signed one counts.
      const claims = claimsOf(config, { ...verified, claims: { ...further, ...verified.claims } })
      return us.metadata.revocation_endpoint === undefined ? claims : { ...claims, grant }
    },
    revoke: async (grant) => revokeToken(await client(), grant),
    idToken: { verify: async (token, expected) => claimsOf(config, await verifyDeviceToken(await rules(), token, expected)) },
  }
}

function clientAuthentication({ id, clientSecret, privateKey, keyId }: OidcProviderConfig): (server: ServerMetadata) => ClientAuth {
  if (privateKey !== undefined) {
    const signed = PrivateKeyJwt({ key: signingKey(id, privateKey), ...(keyId !== undefined && { kid: keyId }) })
    return () => signed
  }
  if (!clientSecret) throw new Error(`The provider ${id} needs a clientSecret or a privateKey.`)
  const byPost = ClientSecretPost(clientSecret)
  const byHeader = ClientSecretBasic(clientSecret)
  return ({ token_endpoint_auth_methods_supported: announced = ['client_secret_basic'] }) => (announced.includes('client_secret_basic') ? byHeader : byPost)
}

function signingKey(id: ProviderId, pem: string): webcrypto.CryptoKey {
  try {
    const key = createPrivateKey(pem)
    const algorithm = key.asymmetricKeyType === 'ec' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    return key.toCryptoKey(algorithm, false, ['sign'])
  } catch {
    throw new Error(`The privateKey of the provider ${id} is not a PEM key, RSA or EC P-256.`) // the parser's own words could quote it
  }
}

function claimsOf({ id, issuer, authoritativeFor, textFlags }: OidcProviderConfig, { subject, authTime, claims }: VerifiedIdToken): Claims {
  const isVerified = textFlags ? isTrue(claims.email_verified) : claims.email_verified === true
  return {
    provider: id,
    issuer,
    subject,
    ...(authTime && { authTime }),
    ...addressClaim(claims.email, (address) => {
      // What a provider asserts about other people's domains proves nothing: it may let anybody write anything there.
      return { proof: isVerified && authoritativeFor.includes(domainOf(address)) ? 'authoritative' : 'none' }
    }),
    ...profileClaims({ given: claims.given_name ?? claims.name, family: claims.family_name, picture: claims.picture, locale: claims.locale }),
    assurance: assuranceClaims(claims, ['amr', 'acr']),
  }
}
