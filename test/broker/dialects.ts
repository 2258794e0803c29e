import { generateKeyPairSync } from 'node:crypto'
import { randomNonce, randomPKCECodeVerifier, randomState } from 'openid-client'
import type { ProviderName } from '../../demo/providers/people.ts'
import { startProviders, type SimulatedProviders } from '../../demo/providers/start.ts'
import type { Callback, Claims, LoginTransaction, Provider } from '../../src/broker/provider.ts'
import { openProviders } from '../../src/broker/providers.ts'
import type { ProvidersConfig } from '../../src/config/providers.ts'
import { EntenteError } from '../../src/errors.ts'
import { callbackOf, formOf } from '../providers/authorize.ts'

export const dialects = ['google', 'apple', 'facebook', 'haus'] as const

/** The client ids that the simulated providers know. */
export const clientIds = { google: 'entente-demo.apps.example', apple: 'example.entente.web', facebook: '100000000000001', haus: 'entente' } as const

const key = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})

/** What the simulated providers know us by. */
export const registrations = {
  google: { clientId: clientIds.google, clientSecret: 'google-demo-secret' },
  apple: { clientId: clientIds.apple, teamId: 'DEMOTEAM01', keyId: 'DEMOKEY001', privateKey: key.privateKey },
  facebook: { clientId: clientIds.facebook, clientSecret: 'demo-app-secret', graphVersion: 'v26.0' },
}

export function configFor(sims: SimulatedProviders): ProvidersConfig & Required<Pick<ProvidersConfig, 'google' | 'apple' | 'facebook'>> {
  return {
    allowLoopback: true,
    google: { ...registrations.google, baseUrl: sims.google.url },
    apple: { ...registrations.apple, baseUrl: sims.apple.url },
    facebook: { ...registrations.facebook, baseUrl: sims.facebook.url },
    further: [
      {
        id: 'haus',
        name: 'Haus',
        issuer: sims.haus.url,
        clientId: clientIds.haus,
        clientSecret: 'haus-demo-secret',
        scopes: ['openid', 'email', 'profile'],
        authoritativeFor: ['haus.example'],
        trustedAudiences: [],
        textFlags: false,
      },
    ],
  }
}

/** The dialects as they would run in the gateway, a browser that follows them, and a clock that can be moved. */
export class Broker implements AsyncDisposable {
  #providers: ReadonlyMap<string, Provider> = new Map()
  /** Milliseconds that the gateway's clock is ahead. */
  ahead = 0

  private constructor(readonly sims: SimulatedProviders) {}

  static async start(): Promise<Broker> {
    const broker = new Broker(await startProviders({ appleClientPublicKey: key.publicKey }))
    broker.restart()
    return broker
  }

  now = (): number => Date.now() + this.ahead

  /** As after a restart of the gateway: nothing cached, circuits closed, the simulated providers honest. */
  restart(change: (config: ReturnType<typeof configFor>) => ProvidersConfig = (config) => config): void {
    this.ahead = 0
    for (const name of dialects) {
      this.sims[name].behave()
      this.sims[name].forgetRequests()
    }
    this.#providers = openProviders(change(configFor(this.sims)), { now: this.now })
  }

  provider(name: ProviderName): Provider {
    const provider = this.#providers.get(name)
    if (provider === undefined) throw new Error(`${name} is not configured`)
    return provider
  }

  begin(provider: ProviderName, person: string): LoginTransaction {
    return {
      provider,
      redirectUri: `http://localhost:4000/login/${provider}/callback`,
      loginHint: person,
      goal: { kind: 'signIn', interaction: 'i' },
      state: randomState(),
      nonce: randomNonce(),
      codeVerifier: randomPKCECodeVerifier(),
      startedAt: this.now(),
    }
  }

  /** What the provider sends to our callback once the person has decided. */
  async answer(login: LoginTransaction): Promise<Callback> {
    const response = await fetch(await this.provider(login.provider as ProviderName).authorizationUrl(login), { redirect: 'manual' })
    if (response.status === 200) return { method: 'POST', parameters: await formOf(response) }
    return { method: 'GET', parameters: Object.fromEntries(callbackOf(response).searchParams) }
  }

  async signIn(provider: ProviderName, person = 'anna', change: (callback: Callback) => Callback = (callback) => callback): Promise<Claims> {
    const login = this.begin(provider, person)
    return this.provider(provider).exchange(login, change(await this.answer(login)))
  }

  async verify(provider: ProviderName, token: string, nonce = 'the-nonce', audiences: readonly string[] = [clientIds[provider]]): Promise<Claims> {
    const { idToken } = this.provider(provider)
    if (idToken === undefined) throw new Error(`${provider} takes no ID tokens`)
    return idToken.verify(token, { nonce, audiences })
  }

  requestsTo(provider: ProviderName, path: RegExp): number {
    return this.sims[provider].requests.filter((request) => path.test(request.path)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sims[Symbol.asyncDispose]()
  }
}

/** `ok`, or the code and the failed check that the log has. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    if (!(error instanceof EntenteError)) throw error
    const { check } = error.detail
    return check === undefined ? error.code : `${error.code} ${String(check)}`
  }
}

/** The code alone. */
export const codeOf = async (work: Promise<unknown>): Promise<string> => (await outcome(work)).split(' ')[0] ?? ''
