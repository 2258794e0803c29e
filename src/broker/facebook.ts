import { ClientSecretPost } from 'openid-client'
import { EntenteError } from '../errors.ts'
import { addressClaim, profileClaims } from './claims.ts'
import { authorizationUrl, redeemCode, type CodeClient, type DialectParts } from './code-flow.ts'
import { facebookEvents } from './events/facebook-events.ts'
import { readProfile, refuseGraphError, removeApp, type GraphProfile } from './facebook-graph.ts'
import { verifyDeviceToken, type IdTokenRules, type VerifiedIdToken } from './id-token.ts'
import type { Claims, Provider } from './provider.ts'
import { openKeys } from './provider-keys.ts'
import type { FacebookConfig } from '../config/providers.ts'

const family = 'https://www.facebook.com'

/** Facebook: OAuth 2 with a profile from Graph, an address that nobody vouches for, ids that hold within one app, and ID tokens for Limited Login. */
export function facebook({ clientId, clientSecret, graphVersion, baseUrl }: FacebookConfig, { http, now }: DialectParts): Provider {
  const issuer = baseUrl ?? family
  const graph = baseUrl ?? 'https://graph.facebook.com'
  const limited = baseUrl === undefined ? 'https://limited.facebook.com' : `${baseUrl}/limited`
  const keys = openKeys({ http, now, urls: async () => [issuer, limited].map((host) => `${host}/.well-known/oauth/openid/jwks/`) })
  const rules: IdTokenRules = { provider: 'facebook', issuers: [issuer], algorithms: ['RS256'], keys, now }
  const client: CodeClient = {
    provider: 'facebook',
    clientId,
    authentication: ClientSecretPost(clientSecret),
    metadata: { issuer, authorization_endpoint: `${issuer}/${graphVersion}/dialog/oauth`, token_endpoint: `${graph}/${graphVersion}/oauth/access_token` },
    async fetch(url, request) {
      const answer = await http.fetch(url, request)
      await refuseGraphError(answer)
      return answer
    },
  }
  const ourGraph = { http, now, appId: clientId, appSecret: clientSecret, profileUrl: `${graph}/${graphVersion}/me`, debugUrl: `${graph}/debug_token` }
  return {
    id: 'facebook',
    name: 'Facebook',
    responseMode: 'query',
    available: http.available,
    authorizationUrl: (login) => authorizationUrl(client, login, { scope: 'public_profile email' }),
    async exchange(login, callback) {
      const { accessToken } = await redeemCode(client, login, callback)
      return { ...graphClaims(clientId, await readProfile(ourGraph, accessToken)), grant: accessToken }
    },
    revoke: (grant) => removeApp(ourGraph, grant),
    idToken: {
      async verify(token, expected) {
        // Outside Limited Login the SDK hands the app an access token, which says nothing about whom it was made for.
        if (!token.includes('.')) throw new EntenteError('LOGIN_DENIED', { provider: 'facebook', check: 'not an ID token' })
        return tokenClaims(await verifyDeviceToken(rules, token, expected))
      },
    },
    events: facebookEvents({ now, appSecret: clientSecret, issuer: issuerOf(clientId) }),
  }
}

/** The same number is another person in another app, so the app belongs to the issuer. */
const issuerOf = (appId: string) => `${family}/${appId}`

const unproven = () => ({ proof: 'none' }) as const

function graphClaims(appId: string, { id, first_name, last_name, email, picture }: GraphProfile): Claims {
  const shown = picture?.data.is_silhouette === true ? undefined : picture?.data.url
  return {
    provider: 'facebook',
    issuer: issuerOf(appId),
    subject: id,
    ...addressClaim(email, unproven),
    ...profileClaims({ given: first_name, family: last_name, picture: shown }),
    assurance: {},
  }
}

const tokenClaims = ({ subject, audience, claims }: VerifiedIdToken): Claims => ({
  provider: 'facebook',
  issuer: issuerOf(audience),
  subject,
  ...addressClaim(claims.email, unproven),
  ...profileClaims({ given: claims.given_name ?? claims.name, family: claims.family_name, picture: claims.picture }),
  assurance: {},
})
