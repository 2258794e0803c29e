import type { ProvidersConfig } from '../config/providers.ts'
import { apple } from './apple.ts'
import { facebook } from './facebook.ts'
import type { DialectParts } from './code-flow.ts'
import { google } from './google.ts'
import { oidc } from './oidc.ts'
import type { Provider, ProviderId } from './provider.ts'
import { providerHttp, withinDeadline } from './provider-http.ts'
import { isLoopbackHost } from './public-address.ts'

/** All providers in display order. Nothing is asked yet, so no provider's outage delays the start. Throws naming the variable that is empty. */
export function openProviders(config: ProvidersConfig, { now = Date.now }: { readonly now?: () => number } = {}): ReadonlyMap<ProviderId, Provider> {
  const partsFor = (provider: ProviderId, address?: string): DialectParts => {
    const isLoopback = address !== undefined && isLoopbackHost(new URL(address).hostname)
    return { now, http: providerHttp({ provider, allowLoopback: config.allowLoopback && isLoopback }) }
  }
  refuseEmpty(config)
  const providers = [
    ...(config.google ? [google(config.google, partsFor('google', config.google.baseUrl))] : []),
    ...(config.apple ? [apple(config.apple, partsFor('apple', config.apple.baseUrl))] : []),
    ...(config.facebook ? [facebook(config.facebook, partsFor('facebook', config.facebook.baseUrl))] : []),
    ...config.further.map((one) => oidc(one, partsFor(one.id, one.issuer))),
  ]
  return new Map(providers.map((provider) => [provider.id, inTime(provider)]))
}

function inTime(provider: Provider): Provider {
  const { id, idToken } = provider
  return {
    ...provider,
    exchange: (login, callback) => withinDeadline(id, provider.exchange(login, callback)),
    ...(idToken && { idToken: { verify: (token, expected) => withinDeadline(id, idToken.verify(token, expected)) } }),
  }
}

function refuseEmpty({ google: byGoogle, apple: byApple, facebook: byFacebook, further }: ProvidersConfig): void {
  const needed: Record<string, string | undefined> = {
    ...(byGoogle && { GOOGLE_CLIENT_ID: byGoogle.clientId, GOOGLE_CLIENT_SECRET: byGoogle.clientSecret }),
    ...(byApple && { APPLE_CLIENT_ID: byApple.clientId, APPLE_TEAM_ID: byApple.teamId, APPLE_KEY_ID: byApple.keyId, APPLE_PRIVATE_KEY: byApple.privateKey }),
    ...(byFacebook && { FACEBOOK_CLIENT_ID: byFacebook.clientId, FACEBOOK_CLIENT_SECRET: byFacebook.clientSecret }),
    ...Object.fromEntries(further.map(({ id, clientId }) => [`clientId of the provider ${id}`, clientId])),
  }
  const empty = Object.entries(needed).flatMap(([name, value]) => (value === undefined || value.trim() === '' ? [name] : []))
  if (empty.length > 0) throw new Error(`Empty, but needed: ${empty.join(', ')}.`)
}
