import { ClientSecretPost } from 'openid-client'
import { addressClaim, assuranceClaims, domainOf, isTrue, profileClaims } from './claims.ts'
import { authorizationUrl, revokeToken, signInByCode, type CodeClient, type DialectParts } from './code-flow.ts'
import { googleEvents } from './events/google-events.ts'
import { verifyDeviceToken, type IdTokenRules, type VerifiedIdToken } from './id-token.ts'
import type { Claims, Provider } from './provider.ts'
import { openKeys } from './provider-keys.ts'
import { openMetadata } from './provider-metadata.ts'
import type { GoogleConfig } from '../config/providers.ts'

const family = 'https://accounts.google.com'
const hosts = ['accounts.google.com', 'oauth2.googleapis.com', 'openidconnect.googleapis.com', 'www.googleapis.com']

/** Google: by discovery, two issuer spellings, and an address that it vouches for only at gmail.com and in hosted domains. */
export function google({ clientId, clientSecret, baseUrl, hostedDomain }: GoogleConfig, { http, now }: DialectParts): Provider {
  const issuer = baseUrl ?? family
  const pinned = (url: URL) => (baseUrl === undefined ? hosts.includes(url.hostname) : url.origin === new URL(baseUrl).origin)
  const metadata = openMetadata({ provider: 'google', issuer, http, now, pinned })
  const keys = openKeys({ http, now, urls: async () => [(await metadata()).jwks_uri ?? ''] })
  const rules: IdTokenRules = {
    provider: 'google',
    issuers: [issuer, issuer.replace(/^https?:\/\//, '')],
    algorithms: ['RS256'],
    keys,
    now,
    hostedDomain,
  }
  const client = async (): Promise<CodeClient> => ({
    provider: 'google',
    metadata: await metadata(),
    clientId,
    authentication: ClientSecretPost(clientSecret),
    fetch: http.fetch,
  })
  return {
    id: 'google',
    name: 'Google',
    responseMode: 'query',
    available: http.available,
    authorizationUrl: async (login) =>
      authorizationUrl(await client(), login, {
        scope: 'openid email profile',
        ...(hostedDomain !== undefined && { hd: hostedDomain }),
      }),
    async exchange(login, callback) {
      const verified = await signInByCode(await client(), rules, login, callback)
      return { ...claimsOf(verified), grant: verified.grant }
    },
    revoke: async (grant) => revokeToken(await client(), grant),
    idToken: { verify: async (token, expected) => claimsOf(await verifyDeviceToken(rules, token, expected)) },
    events: googleEvents({ http, now, clientId, base: issuer, pinned, family }),
  }
}

function claimsOf({ subject, authTime, claims }: VerifiedIdToken): Claims {
  const isHosted = typeof claims.hd === 'string' && claims.hd !== ''
  return {
    provider: 'google',
    issuer: family,
    subject,
    ...(authTime && { authTime }),
    ...addressClaim(claims.email, (address) => {
      if (!isTrue(claims.email_verified)) return { proof: 'none' }
      // A third party's address was proved once, maybe long ago; only of these two does Google know who owns it now.
      return { proof: isHosted || ['gmail.com', 'googlemail.com'].includes(domainOf(address)) ? 'authoritative' : 'verified' }
    }),
    ...profileClaims({ given: claims.given_name ?? claims.name, family: claims.family_name, picture: claims.picture, locale: claims.locale }),
    assurance: assuranceClaims(claims, ['hd', 'amr']),
  }
}
