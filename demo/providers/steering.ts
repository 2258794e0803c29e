import { json, type Exchange, type Reply, type Route } from './dialect.ts'
import { z } from 'zod'
import { noticeFacts } from './notices.ts'
import { assets } from './pages.ts'
import type { SimulatedProvider } from './simulated-provider.ts'
import { switchesShape } from './switches.ts'

/** What steers a running provider over HTTP, and what its pages load. None of it is recorded or misbehaves. */
export function steeringRoutes(provider: SimulatedProvider): Readonly<Record<string, Route>> {
  return {
    ...Object.fromEntries(Object.entries(assets).map(([path, asset]) => [`GET ${path}`, steer(() => asset)])),
    'POST /__sim/set': steer((exchange) => set(provider, exchange)),
    'POST /__sim/reset': steer(() => {
      provider.behave()
      provider.forgetRequests()
      return done
    }),
    'POST /__sim/rotate': steer(async () => {
      await provider.rotateKeys()
      return done
    }),
    'POST /__sim/event': steer((exchange) => tell(provider, exchange)),
    'GET /__sim/log': steer(() => json(200, provider.requests)),
    'GET /__sim/id-token': steer((exchange) => nativeToken(provider, exchange)),
  }
}

function set(provider: SimulatedProvider, { body }: Exchange): Reply {
  const asked = switchesShape.safeParse(parsed(body))
  if (!asked.success) return json(400, { error: asked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) })
  provider.misbehave(asked.data)
  return done
}

const eventShape = noticeFacts.extend({ person: z.string(), to: z.url(), times: z.int().min(1).max(100).default(1) })

/** Posts an event to the gateway at `to`, as often as asked, and answers with what came back. */
async function tell(provider: SimulatedProvider, { body }: Exchange): Promise<Reply> {
  const asked = eventShape.safeParse(parsed(body))
  if (!asked.success) return json(400, { error: asked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) })
  const { person, to, times, ...facts } = asked.data
  try {
    const notice = provider.notice(person, facts)
    const answers = await Promise.all(Array.from({ length: times }, () => provider.notify(to, notice)))
    return json(200, await Promise.all(answers.map(async (answer) => ({ status: answer.status, body: await answer.text() }))))
  } catch (error) {
    if (error instanceof RangeError) return json(404, { error: error.message })
    throw error
  }
}

async function nativeToken(provider: SimulatedProvider, { query }: Exchange): Promise<Reply> {
  const [person, audience, nonce] = ['person', 'audience', 'nonce'].map((name) => query.get(name))
  if (!person || !audience) return json(400, { error: 'person and audience are needed' })
  try {
    return { ...json(200, await provider.idToken(person, { audience, ...(nonce && { nonce }) })), headers: { 'content-type': 'application/jwt' } }
  } catch (error) {
    if (error instanceof RangeError) return json(404, { error: error.message })
    throw error
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const done = json(200, {})
const steer = (answer: Route['answer']): Route => ({ endpoint: 'page', answer })
