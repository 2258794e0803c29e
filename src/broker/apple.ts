import { createPrivateKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { ClientSecretPost } from 'openid-client'
import { z } from 'zod'
import { addressClaim, assuranceClaims, domainOf, isTrue, profileClaims } from './claims.ts'
import { authorizationUrl, revokeToken, signInByCode, type CodeClient, type DialectParts } from './code-flow.ts'
import { appleEvents } from './events/apple-events.ts'
import { verifyDeviceToken, type IdTokenRules, type VerifiedIdToken } from './id-token.ts'
import type { Claims, Provider } from './provider.ts'
import { openKeys } from './provider-keys.ts'
import type { AppleConfig } from '../config/providers.ts'

const family = 'https://appleid.apple.com'
const secondHost = 'https://account.apple.com'

/** Apple: metadata kept here, since discovery once moved to another host overnight; a client secret signed for each request; the name posted once. */
export function apple(config: AppleConfig, { http, now }: DialectParts): Provider {
  const { clientId, baseUrl } = config
  const issuer = baseUrl ?? family
  const keys = openKeys({ http, now, urls: async () => [`${issuer}/auth/keys`] })
  const rules: IdTokenRules = {
    provider: 'apple',
    issuers: [issuer, baseUrl === undefined ? secondHost : `${baseUrl}/account`],
    algorithms: ['RS256'],
    keys,
    now,
    hashedNonce: true,
  }
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/auth/authorize`,
    token_endpoint: `${issuer}/auth/token`,
    revocation_endpoint: `${issuer}/auth/revoke`,
  }
  const secret = secretSigner(config, issuer, now)
  const client = async (): Promise<CodeClient> => ({
    provider: 'apple',
    metadata,
    clientId,
    authentication: ClientSecretPost(await secret()),
    fetch: http.fetch,
  })
  return {
    id: 'apple',
    name: 'Apple',
    responseMode: 'form_post',
    available: http.available,
    authorizationUrl: async (login) => authorizationUrl(await client(), login, { scope: 'name email', response_mode: 'form_post' }),
    async exchange(login, callback) {
      const verified = await signInByCode(await client(), rules, login, callback)
      return { ...claimsOf(verified, callback.parameters.user), grant: verified.grant }
    },
    revoke: async (grant) => revokeToken(await client(), grant),
    idToken: { verify: async (token, expected) => claimsOf(await verifyDeviceToken(rules, token, expected)) },
    events: appleEvents({ keys, now, clientId, issuers: rules.issuers, family }),
  }
}

/** Apple's client secret is a JWT of ours. One per request: stored ones expire silently, and five minutes are enough. */
function secretSigner({ clientId, teamId, keyId, privateKey }: AppleConfig, issuer: string, now: () => number): () => Promise<string> {
  const key = readKey(privateKey)
  return () => {
    const issuedAt = Math.floor(now() / 1000) - 30 // Apple refuses a clock that is ahead of its own
    const claims = { iss: teamId, sub: clientId, aud: issuer, iat: issuedAt, exp: issuedAt + 330 }
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: keyId }).sign(key)
  }
}

function readKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch {
    /* said below; the parser's own words could quote the key */
  }
  throw new Error('APPLE_PRIVATE_KEY is not a private key in PEM form on the curve P-256.')
}

function claimsOf({ subject, authTime, claims }: VerifiedIdToken, user?: string): Claims {
  const name = postedName(user)
  const relay = isTrue(claims.is_private_email)
  return {
    provider: 'apple',
    issuer: family,
    subject,
    ...(authTime && { authTime }),
    ...addressClaim(claims.email, (address) => {
      if (!isTrue(claims.email_verified)) return { proof: 'none' }
      const domain = domainOf(address)
      const isRelay = relay || domain === 'privaterelay.appleid.com'
      return { proof: ownDomains.has(domain) ? 'authoritative' : 'verified', ...(isRelay && { relay: true }) }
    }),
    ...profileClaims({ given: name.firstName, family: name.lastName }),
    assurance: assuranceClaims(claims, ['real_user_status']),
  }
}

const ownDomains = new Set(['privaterelay.appleid.com', 'icloud.com', 'me.com', 'mac.com'])

const user = z.object({ name: z.object({ firstName: z.unknown().optional(), lastName: z.unknown().optional() }) })

/** The form's `user` comes once and is not signed: a name for display, and never the address in it. */
function postedName(posted: string | undefined): { firstName?: unknown; lastName?: unknown } {
  if (posted === undefined || posted.length > 16_384) return {}
  try {
    return user.safeParse(JSON.parse(posted)).data?.name ?? {}
  } catch {
    return {}
  }
}
