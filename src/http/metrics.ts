import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

const mostLabels = 1_000

/**
 * What operators watch: counts and times with labels from fixed sets only, never an id, an address or a text that somebody sent.
 */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'entente_' })
  // Which version runs is nobody's business who may only count.
  registry.removeSingleMetric('entente_nodejs_version_info')
  const registers = [registry]
  const requests = new Histogram({
    name: 'entente_http_request_duration_seconds',
    help: 'Time from request to answer, by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const logins = new Counter({
    name: 'entente_login_steps_total',
    help: 'How far logins come, by provider and outcome.',
    labelNames: ['step', 'provider', 'outcome'],
    registers,
  })
  const decided = new Map<string, { readonly purpose: string; readonly outcome: string; fields: number }>()
  // Every read counts here, so it adds to a plain number; the labelled counter is brought up to date when somebody looks.
  const gate = new Counter({
    name: 'entente_gate_decisions_total',
    help: 'Fields answered and withheld, by the purpose that decided it.',
    labelNames: ['purpose', 'outcome'],
    registers,
    collect(): void {
      for (const one of decided.values()) {
        gate.inc({ purpose: one.purpose, outcome: one.outcome }, one.fields)
        one.fields = 0
      }
    },
  })
  const events = new Counter({
    name: 'entente_events_total',
    help: 'Events that clients sent, by what became of them.',
    labelNames: ['outcome'],
    registers,
  })
  const textsLeftOut = new Counter({
    name: 'entente_event_texts_left_out_total',
    help: 'Properties of events that held an address or a telephone number which the catalogue does not expect.',
    registers,
  })
  const methods = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])
  // Labels are looked up once; strangers choose methods, so what is kept is bounded.
  const observed = new Map<string, ReturnType<typeof requests.labels>>()
  return {
    answered(method: string, route: string, status: number, seconds: number): void {
      const key = `${method} ${route} ${status}`
      const known = observed.get(key) ?? requests.labels(methods.has(method) ? method : 'other', route, String(status))
      if (observed.size < mostLabels) observed.set(key, known)
      known.observe(seconds)
    },
    loginReached(step: string, provider: string, outcome: string): void {
      logins.inc({ step, provider, outcome })
    },
    gateDecided(purpose: string, outcome: 'readable' | 'reduced' | 'withheld', fields: number): void {
      const key = `${purpose} ${outcome}`
      const known = decided.get(key)
      if (known) known.fields += fields
      else decided.set(key, { purpose, outcome, fields })
    },
    eventTaken(outcome: string): void {
      events.inc({ outcome })
    },
    eventTextsLeftOut(texts: number): void {
      textsLeftOut.inc(texts)
    },
    print: (): Promise<string> => registry.metrics(),
    contentType: registry.contentType,
  }
}

export type Metrics = ReturnType<typeof createMetrics>
