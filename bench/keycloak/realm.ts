import { shop } from '../login-client.ts'

export const realm = 'bench'
export const toolSecret = 'marketing-bench-secret'

/**
 * A realm with what bench/clients.yaml has, and Haus as its external provider. Everything that is not named is as a new realm has it; what
 * is named makes both sides do the same: PKCE, checked signatures, no question at the first login.
 */
export const realmFile = (haus: string) => ({
  realm,
  enabled: true,
  sslRequired: 'none',
  clients: [
    {
      clientId: 'marketing',
      secret: toolSecret,
      serviceAccountsEnabled: true,
      standardFlowEnabled: false,
      publicClient: false,
      clientAuthenticatorType: 'client-secret',
    },
    { clientId: 'storefront', publicClient: true, standardFlowEnabled: true, redirectUris: [shop], attributes: { 'pkce.code.challenge.method': 'S256' } },
  ],
  identityProviders: [
    {
      alias: 'haus',
      providerId: 'oidc',
      enabled: true,
      trustEmail: true,
      storeToken: false,
      config: {
        issuer: haus,
        authorizationUrl: `${haus}/authorize`,
        tokenUrl: `${haus}/token`,
        userInfoUrl: `${haus}/userinfo`,
        jwksUrl: `${haus}/jwks`,
        useJwksUrl: 'true',
        validateSignature: 'true',
        clientId: 'entente',
        clientSecret: 'haus-demo-secret',
        clientAuthMethod: 'client_secret_basic',
        defaultScope: 'openid email profile',
        pkceEnabled: 'true',
        pkceMethod: 'S256',
        loginHint: 'true',
        syncMode: 'IMPORT',
      },
    },
  ],
})
