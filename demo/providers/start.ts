import { apple } from './apple.ts'
import { idToken } from './claims.ts'
import type { Dialect, Service, Simulation } from './dialect.ts'
import { facebook } from './facebook.ts'
import { google } from './google.ts'
import { openKeyRing, type KeyRing } from './keys.ts'
import { haus } from './oidc.ts'
import { findPerson, type ProviderName } from './people.ts'
import { listen, type RecordedRequest } from './server.ts'
import type { SimulatedProvider } from './simulated-provider.ts'
import { steeringRoutes } from './steering.ts'
import type { Switches } from './switches.ts'

export type { SimulatedProvider } from './simulated-provider.ts'

export interface ProviderOptions {
  readonly host?: string
  /** A port each; 0 or none takes any free one. */
  readonly ports?: Partial<Record<ProviderName, number>>
  /** SPKI PEM that Apple's client secrets are checked with. Without it their signature is not checked. */
  readonly appleClientPublicKey?: string
}

export type SimulatedProviders = Readonly<Record<ProviderName, SimulatedProvider>> & AsyncDisposable

const kept = 5000 // requests

/** Starts the four providers, each on a port of its own with keys of its own. */
export async function startProviders({ host = '127.0.0.1', ports = {}, appleClientPublicKey }: ProviderOptions = {}): Promise<SimulatedProviders> {
  await using running = new AsyncDisposableStack()
  const prepare = (name: ProviderName, dialect: Dialect) => {
    const keys = openKeyRing(dialect.keys)
    return async () => running.use(await startProvider(name, dialect.open, await keys, host, ports[name] ?? 0))
  }
  const next = {
    google: prepare('google', google),
    apple: prepare('apple', apple(appleClientPublicKey)),
    facebook: prepare('facebook', facebook),
    haus: prepare('haus', haus),
  }
  // Keys are made side by side, ports are taken in turn: when one is taken, nothing is still on its way up while the rest goes down.
  const providers = { google: await next.google(), apple: await next.apple(), facebook: await next.facebook(), haus: await next.haus() }
  const started = running.move()
  return { ...providers, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function startProvider(
  provider: ProviderName,
  open: Dialect['open'],
  keys: KeyRing,
  host: string,
  port: number,
): Promise<SimulatedProvider & AsyncDisposable> {
  let switches: Switches = {}
  let requests: RecordedRequest[] = []
  let service: (Service & { readonly steering: Service['routes'] }) | undefined
  const find = (method: string, path: string) => service?.routes[`${method} ${service.routed?.(path) ?? path}`] ?? service?.steering[`${method} ${path}`]
  const record = (request: RecordedRequest) => {
    if (requests.push(request) > kept) requests = requests.slice(-kept / 2)
  }
  const server = await listen({ find, switches: () => switches, record }, host, port)
  const sim: Simulation = { provider, url: server.url, keys, switches: () => switches, now: () => Math.floor(Date.now() / 1000) + (switches.clock ?? 0) }
  const opened = open(sim)
  const simulated: SimulatedProvider = {
    url: server.url,
    get requests() {
      return requests
    },
    misbehave: (further) => {
      switches = { ...switches, ...further }
    },
    behave: () => {
      switches = {}
    },
    forgetRequests: () => {
      requests = []
    },
    rotateKeys: keys.rotate,
    async idToken(hint, { claims, header, ...facts }) {
      const person = findPerson(provider, hint)
      if (person === undefined) throw new RangeError(`nobody is called ${hint} at ${provider}`)
      return idToken(sim, { ...opened.nativeClaims(person, facts.audience), ...claims }, { lifetime: 3600, header: header ?? {}, ...facts })
    },
    notice(hint, facts) {
      const person = findPerson(provider, hint)
      if (person === undefined || opened.notice === undefined) throw new RangeError(`${provider} has nothing to tell of ${hint}`)
      return opened.notice(person, facts)
    },
    notify: (gateway, { path, mediaType, body }) =>
      fetch(`${gateway}/webhooks/${provider}${path}`, { method: 'POST', headers: { 'content-type': mediaType }, body }),
  }
  service = { ...opened, steering: steeringRoutes(simulated) }
  return Object.assign(simulated, { [Symbol.asyncDispose]: server.close })
}
