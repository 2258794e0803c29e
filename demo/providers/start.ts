import { apple } from './apple.ts'
import { idToken } from './claims.ts'
import type { Dialect, Route, Simulation } from './dialect.ts'
import { facebook } from './facebook.ts'
import { google } from './google.ts'
import { openKeyRing } from './keys.ts'
import { haus } from './oidc.ts'
import { findPerson, type ProviderName } from './people.ts'
import { listen, type RecordedRequest } from './server.ts'
import { steeringRoutes } from './steering.ts'
import type { Switches } from './switches.ts'

export interface ProviderOptions {
  readonly host?: string
  /** A port each; 0 or none takes any free one. */
  readonly ports?: Partial<Record<ProviderName, number>>
  /** SPKI PEM that Apple's client secrets are checked with. Without it their signature is not checked. */
  readonly appleClientPublicKey?: string
}

export interface NativeToken {
  readonly audience: string
  readonly nonce?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
}

/** A stranger's server, as far as the gateway can tell. What is beyond a real provider is here and under `/__sim/`. */
export interface SimulatedProvider {
  readonly url: string
  /** What it was asked, oldest first, the latest few thousand; its own `/__sim/` pages left out. */
  readonly requests: readonly RecordedRequest[]
  /** Adds to the switches that are on; see `Switches`. */
  misbehave(switches: Switches): void
  behave(): void
  forgetRequests(): void
  /** New keys at once, the old ones gone. */
  rotateKeys(): Promise<void>
  /** An ID token as the device's dialog hands it to an app. `person` is a demo person's id. */
  idToken(person: string, facts: NativeToken): Promise<string>
}

export type SimulatedProviders = Readonly<Record<ProviderName, SimulatedProvider>> & AsyncDisposable

const kept = 5000 // requests

/** Starts the four providers, each on a port of its own with keys of its own. */
export async function startProviders({ host = '127.0.0.1', ports = {}, appleClientPublicKey }: ProviderOptions = {}): Promise<SimulatedProviders> {
  await using running = new AsyncDisposableStack()
  const open = async (name: ProviderName, dialect: Dialect) => running.use(await startProvider(name, dialect, host, ports[name] ?? 0))
  const [one, two, three, four] = await Promise.all([
    open('google', google), open('apple', apple(appleClientPublicKey)), open('facebook', facebook), open('haus', haus),
  ])
  const started = running.move()
  return { google: one, apple: two, facebook: three, haus: four, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function startProvider(provider: ProviderName, dialect: Dialect, host: string, port: number): Promise<SimulatedProvider & AsyncDisposable> {
  const keys = await openKeyRing(dialect.keys)
  let switches: Switches = {}
  let requests: RecordedRequest[] = []
  let find: (method: string, path: string) => Route | undefined = () => undefined
  const record = (request: RecordedRequest) => { if (requests.push(request) > kept) requests = requests.slice(-kept / 2) }
  const server = await listen({ find: (method, path) => find(method, path), switches: () => switches, record }, host, port)
  const sim: Simulation = { provider, url: server.url, keys, switches: () => switches, now: () => Math.floor(Date.now() / 1000) + (switches.clock ?? 0) }
  const { routes, nativeClaims, routed = path => path } = dialect.open(sim)
  const simulated: SimulatedProvider = {
    url: server.url,
    get requests() { return requests },
    misbehave: further => { switches = { ...switches, ...further } },
    behave: () => { switches = {} },
    forgetRequests: () => { requests = [] },
    rotateKeys: keys.rotate,
    async idToken(hint, { claims, header, ...facts }) {
      const person = findPerson(provider, hint)
      if (person === undefined) throw new RangeError(`nobody is called ${hint} at ${provider}`)
      return idToken(sim, { ...nativeClaims(person, facts.audience), ...claims }, { lifetime: 3600, header: header ?? {}, ...facts })
    },
  }
  const steering = steeringRoutes(simulated)
  find = (method, path) => routes[`${method} ${routed(path)}`] ?? steering[`${method} ${path}`]
  return Object.assign(simulated, { [Symbol.asyncDispose]: server.close })
}
