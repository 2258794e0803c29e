import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { hasSecondFactor, hasWayIn, waysOf } from '../linking/ways-in.ts'
import { change, look } from './account-change.ts'
import { mutations, readWays, startedLinking, type Factor, type Ways } from './account-data.ts'
import { ask } from './ask.ts'
import { endSession, linkedUrl } from './account-session.ts'
import { deviceWord } from './account-sessions.ts'
import { sendStep, type Step } from './step-page.ts'
import { viewFor, type View } from './layout.ts'
import { sendOnward } from './onward.ts'
import type { AccountParts } from './parts.ts'
import { momentWord, type Words } from './words.ts'
import { filled } from './words-safety.ts'

const one = z.object({ id: z.string().min(1).max(100) })

/** Adding and removing ways in, factors and devices: a page that says what will happen, and the form that does it. */
export function stepPages(app: FastifyInstance, parts: AccountParts): void {
  step(app, parts, '/account/factors/remove', one, ({ id }, ways, { words }) => factorStep(ways, id, words))
  step(app, parts, '/account/devices/forget', one, ({ id }, ways, { words }) => deviceStep(ways, id, words))
  step(app, parts, '/account/logins/remove', one, ({ id }, ways, { words }) => loginStep(parts, ways, id, words))
  step(app, parts, '/account/logins/add', z.object({ provider: z.string().max(100) }), ({ provider }, _ways, { words }) => addStep(parts, provider, words))
  step(app, parts, '/account/merge/undo', one, ({ id }, ways, view) => undoStep(ways, id, view))

  app.post('/account/factors/remove', (request, reply) =>
    change(parts, request, reply, one, async ({ id }, token) => {
      await ask(parts, mutations.removeFactor, { id }, token)
      return reply.redirect('/account?done=factor#security', 303)
    }),
  )
  app.post('/account/devices/forget', (request, reply) =>
    change(parts, request, reply, one, async ({ id }, token) => {
      await ask(parts, mutations.forgetDevice, { id }, token)
      return reply.redirect('/account?done=device#sessions', 303)
    }),
  )
  app.post('/account/logins/remove', (request, reply) =>
    change(parts, request, reply, one, async ({ id }, token) => {
      await ask(parts, mutations.unlinkIdentity, { id }, token)
      // Every token given so far has ended with it, this one too.
      endSession(reply)
      return reply.redirect('/account', 303)
    }),
  )
  app.post('/account/logins/add', (request, reply) =>
    change(parts, request, reply, z.object({ provider: z.string() }), async ({ provider }, token) => {
      const data = await ask(parts, mutations.startLinking, { provider, redirectUri: linkedUrl(parts) }, token)
      return sendOnward(parts, reply, startedLinking.parse(data).startLinking.url)
    }),
  )
}

/** The page before; what is not there (any more) leads back. */
function step<T>(
  app: FastifyInstance,
  parts: AccountParts,
  path: string,
  shape: z.ZodType<T>,
  stepOf: (asked: T, ways: Ways, view: View) => Step | null,
): void {
  app.get(path, (request: FastifyRequest, reply: FastifyReply) =>
    look(parts, request, reply, async (token) => {
      const asked = shape.safeParse(request.query)
      const view = viewFor(parts, request, reply)
      const found = asked.success ? stepOf(asked.data, await readWays(parts, token), view) : null
      return found === null ? reply.redirect('/account', 303) : sendStep(parts, request, reply, view, path, found)
    }),
  )
}

function factorStep(ways: Ways, id: string, { safety, account }: Words): Step | null {
  const all = ways.factors ?? []
  const factor = all.find((held) => held.id === id)
  if (!factor) return null
  const factors = all.filter((held) => held !== factor)
  const possible = factor.kind !== 'passkey' || hasWayIn({ identities: ways.identities ?? [], factors })
  const last = factor.kind !== 'recoveryCodes' && !hasSecondFactor({ factors })
  const { title, told } = wordsOf(factor, safety)
  return {
    title,
    told: possible ? [told, ...(last ? [safety.removeLast] : []), safety.toldByMail] : [safety.lastWay],
    possible,
    fields: { id },
    button: account.remove,
    section: 'security',
  }
}

function wordsOf({ kind, name }: Factor, safety: Words['safety']): { readonly title: string; readonly told: string } {
  if (kind === 'totp') return { title: safety.removeApp, told: safety.removeAppTold }
  if (kind === 'recoveryCodes') return { title: safety.removeCodes, told: safety.removeCodesTold }
  return { title: filled(safety.removePasskey, { name: name ?? safety.passkey }), told: safety.removePasskeyTold }
}

function deviceStep(ways: Ways, id: string, words: Words): Step | null {
  const device = ways.devices?.find((held) => held.id === id)
  if (!device) return null
  const { safety } = words
  const title = filled(safety.forgetTitle, { device: deviceWord(words, device.agent) })
  return { title, told: [safety.forgetEnds, safety.forgetNew], possible: true, fields: { id }, button: safety.forget, section: 'sessions' }
}

const nameIn = (parts: AccountParts, provider: string): string => parts.providers.find(({ id }) => id === provider)?.name ?? provider

function loginStep(parts: AccountParts, ways: Ways, id: string, { safety, account }: Words): Step | null {
  const all = ways.identities ?? []
  const identity = all.find((held) => held.id === id)
  if (!identity) return null
  const name = nameIn(parts, identity.provider)
  // Two logins of one provider are told apart by their addresses.
  const provider = identity.email && all.some((held) => held !== identity && held.provider === identity.provider) ? `${name} (${identity.email})` : name
  const rest = { identities: all.filter((held) => held !== identity), factors: ways.factors ?? [] }
  const possible = hasWayIn(rest)
  const stay = waysOf(rest).map((way) => (way === 'passkey' ? safety.passkey : nameIn(parts, way)))
  const told = [safety.removeLoginTold, safety.removeLoginValues, safety.removeLoginStay, safety.removeLoginEnds]
  return {
    title: filled(safety.removeLogin, { provider }),
    told: possible ? told.map((line) => filled(line, { provider, ways: stay.join(', ') })) : [safety.lastWay],
    possible,
    fields: { id },
    button: account.remove,
    section: 'logins',
  }
}

function addStep(parts: AccountParts, asked: string, { safety }: Words): Step | null {
  const way = parts.providers.find(({ id }) => id === asked)
  if (!way?.available()) return null
  const fill = (line: string) => filled(line, { provider: way.name })
  const told = [safety.addLoginTold, safety.addLoginAway, safety.addLoginOther].map(fill)
  return { title: fill(safety.addLogin), told, possible: true, fields: { provider: way.id }, button: fill(safety.addLoginDo), section: 'logins' }
}

function undoStep(ways: Ways, id: string, { words: { account }, language }: View): Step | null {
  const merge = ways.merges?.find((held) => held.id === id)
  if (!merge) return null
  const told = [`${account.takeApartText} ${momentWord(language, merge.undoUntil)}.`]
  return { title: `${account.takeApart}?`, told, possible: true, fields: { id }, button: account.takeApart, section: 'logins' }
}
