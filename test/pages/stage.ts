import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import cookie from '@fastify/cookie'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { PendingQuestion } from '../../src/access/interactions.ts'
import type { ConfirmQuestion } from '../../src/access/sign-in-door.ts'
import { readClients } from '../../src/config/clients.ts'
import { readPolicy } from '../../src/config/policy.ts'
import { EntenteError, type ErrorCode } from '../../src/errors.ts'
import { sendLoginProblem } from '../../src/pages/login.ts'
import type { Answer, GraphqlAnswer, PageParts } from '../../src/pages/parts.ts'
import { pages } from '../../src/pages/routes.ts'
import { seal, unseal } from '../../src/storage/keys.ts'

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
export const policy = readPolicy(await read('../../demo/policy.yaml'), 'policy.yaml')
const clients = readClients(await read('../../demo/clients.yaml'), 'clients.yaml', policy)
const storefront = clients.find(({ id }) => id === 'storefront')
if (!storefront) throw new Error('the demo has no storefront')

export const question = (change: Partial<PendingQuestion> = {}): PendingQuestion => ({
  uid: 'waiting-1',
  prompt: 'login',
  client: storefront,
  customer: null,
  way: null,
  purposes: [],
  confirm: null,
  provider: null,
  loginHint: null,
  locale: null,
  ...change,
})

/** What stands behind the pages here: what waits, what fails, and what the pages asked for. */
export interface Behind {
  waiting: PendingQuestion | null
  down: string[]
  fails: ErrorCode | null
  /** Of the account's next GraphQL operations but `SeenBy`; one without an answer gives the account. */
  answers: GraphqlAnswer[]
  decided: Answer[]
  operations: { query: string; variables: Readonly<Record<string, unknown>>; accessToken: string }[]
  started: string[]
  /** What `/confirm` asks for; null: nothing. */
  confirm: ConfirmQuestion | null
  /** The provider whose login waits to be linked. */
  joining: string | null
  proofs: unknown[]
}

/** The pages on a real server, before the parts that the gateway would hand in; `elsewhere` is the provider's and the shop's host. */
export async function openStage(elsewhere = 'http://127.0.0.1:9') {
  const behind: Behind = {
    waiting: question(),
    down: [],
    fails: null,
    answers: [],
    decided: [],
    operations: [],
    started: [],
    confirm: null,
    joining: null,
    proofs: [],
  }
  const server = fastify({ forceCloseConnections: true })
  server.removeAllContentTypeParsers()
  await server.register(cookie)
  const url = await listen(server, (at) => partsOf(behind, at, elsewhere))
  return { url, behind, server, [Symbol.asyncDispose]: () => server.close() }
}

/** The address is known only once a port is; the plugin asks for it when a page is rendered. */
async function listen(server: FastifyInstance, partsAt: (at: () => string) => PageParts): Promise<string> {
  let url = 'http://127.0.0.1'
  const parts = partsAt(() => url)
  await server.register(pages, parts)
  const refused = async (request: FastifyRequest<{ Querystring: { code: ErrorCode; ways?: string } }>, reply: FastifyReply) => {
    const { code, ways } = request.query
    return sendLoginProblem(parts, request, reply, {
      code,
      reference: request.id,
      question: await parts.interactions.read(request.raw, reply.raw, 'waiting-1'),
      ...(ways && { ways: ways.split(',') }),
    })
  }
  server.get('/login/google/callback', refused)
  url = await server.listen({ host: '127.0.0.1', port: 0 })
  return url
}

function partsOf(behind: Behind, at: () => string, elsewhere: string): PageParts {
  const key = randomBytes(32)
  const way = (id: string, name: string) => ({ id, name, available: () => !behind.down.includes(id) })
  const failing = () => {
    if (behind.fails) throw new EntenteError(behind.fails)
  }
  return {
    get publicUrl() {
      return at()
    },
    policy,
    formKey: randomBytes(32),
    seal: (text, label) => seal(key, text, label),
    unseal: (sealed, label) => unseal(key, sealed, label)?.toString() ?? null,
    now: () => new Date(),
    countLogin: () => {},
    interactions: {
      read: async () => behind.waiting,
      answered: async () => `${elsewhere}/shop/callback?code=1`,
      aborted: async (_request, _reply, _uid, error) => `${elsewhere}/shop/callback?error=${error}`,
    },
    providers: [way('google', 'Google'), way('apple', 'Apple'), way('facebook', 'Facebook'), way('haus', 'Haus')],
    fetchExport: async () => null,
    notMe: { isOpen: async (token) => token === 'works', act: async (token) => token === 'works' },
    ownWays: {
      mail: true,
      waitingFor: async () => behind.joining,
      passkeyQuestion: async () => ({ handle: 'h', options: { challenge: 'AAAA', rpId: '127.0.0.1', allowCredentials: [] } }),
      sendCode: async () => failing(),
      byCode: async (_question, code) => {
        if (code !== '12345678') throw new EntenteError('BAD_USER_INPUT')
        return `${elsewhere}/shop/callback?code=1`
      },
      byPasskey: async () => {
        throw new EntenteError('BAD_USER_INPUT')
      },
    },
    confirm: {
      question: async () => behind.confirm,
      sendCode: async () => failing(),
      prove: async (_question, proof) => {
        failing()
        behind.proofs.push(proof)
        return `${elsewhere}/shop/callback?code=1`
      },
    },
    deletion: async () => null,
    leaveOpen: async () => {},
    confirmations: { asked: async () => null, confirm: async () => false },
    heedGpc: async () => {},
    beginLogin: async ({ provider }) => {
      failing()
      if (behind.down.includes(provider)) throw new EntenteError('PROVIDER_UNAVAILABLE')
      behind.started.push(provider)
      return `${elsewhere}/provider/${provider}`
    },
    decide: async (_question, answers) => {
      failing()
      behind.decided.push(...answers)
    },
    clients: () => clients,
    graphql: async (query, variables, accessToken) => {
      behind.operations.push({ query, variables, accessToken })
      return query.startsWith('query SeenBy')
        ? { data: { me: seen } }
        : (behind.answers.shift() ?? {
            data: { me: anna, en: groups('Winter sports', 'Looked at skis this month'), de: groups('Wintersport', 'Hat diesen Monat Ski angesehen') },
          })
    },
    loginFunnel: async (from, to) => ({ from, to, k: 10, cells: [], variants: [], comparison: null, findings: [] }),
    auditReport: async () => [{ name: 'report.html', text: '<p>Report</p>' }],
    completeLogin: async ({ code }) => {
      if (code !== 'good') throw new EntenteError('LOGIN_EXPIRED')
      return { accessToken: 'a token', expiresIn: 600 }
    },
  }
}

const day = '2026-10-02T08:30:00.000Z'
const groups = (title: string, text: string) => [{ title, member: true, conditions: [{ text, holds: true }] }]

export const anna = {
  email: 'anna.demo@gmail.com',
  givenName: 'Anna',
  familyName: 'Lindner',
  birthYear: 1987,
  postcode: '10115',
  country: 'DE',
  locale: null,
  traits: { clothingSize: 'M', favouriteColours: ['green', 'blue'], newsletterRhythm: null },
  identities: [
    { id: 'i1', provider: 'google', state: 'active' as const, linkedAt: day, lastUsedAt: day, email: 'anna.demo@gmail.com' },
    { id: 'i2', provider: 'apple', state: 'blocked' as const, linkedAt: day, lastUsedAt: null, email: null },
  ],
  consents: [
    { purpose: 'personalised_shop', state: 'GRANTED', textVersion: '2026-01', decidedAt: day, expiresAt: '2028-10-02T08:30:00.000Z' },
    { purpose: 'email_marketing', state: 'WITHDRAWN', textVersion: '2026-01', decidedAt: day, expiresAt: null },
    { purpose: 'personalised_ads', state: 'NOT_ASKED', textVersion: null, decidedAt: null, expiresAt: null },
  ],
  factors: [
    { id: 'f1', kind: 'passkey' as const, name: 'My phone', addedAt: day, lastUsedAt: day, left: null },
    { id: 'f2', kind: 'recoveryCodes' as const, name: null, addedAt: day, lastUsedAt: null, left: 2 },
  ],
  devices: [
    { id: 'd1', agent: 'Chrome on Android', place: 'Berlin, Germany', firstAt: day, lastAt: day, current: true },
    { id: 'd2', agent: 'Unknown', place: null, firstAt: day, lastAt: day, current: false },
  ],
  alert: { why: 'notMe' as const },
  merges: [{ id: 'm1', mergedAt: day, undoUntil: day }],
  sessions: [
    {
      id: 's1',
      signedInAt: day,
      clientNames: ['Account centre', 'Nordlicht'],
      way: 'google',
      device: { agent: 'Chrome on Android', place: 'Berlin, Germany' },
      current: true,
    },
    { id: 's2', signedInAt: day, clientNames: ['Nordlicht'], way: 'mail', device: null, current: false },
  ],
  sources: [
    { field: 'givenName', from: 'google', at: day, confidence: 0.7 },
    { field: 'traits.clothingSize', from: 'customer', at: day, confidence: 0.9 },
  ],
  affinities: [{ kind: 'category', name: 'Skiing' }],
  interestsOff: [{ kind: 'brand', name: 'Nordlicht' }],
  accessLog: {
    edges: [
      { node: { at: day, type: 'data.read' as const, clientId: 'marketing', purposes: ['email_marketing'], categories: ['user.name', 'user.contact.email'] } },
      { node: { at: day, type: 'login.succeeded' as const, clientId: 'storefront', purposes: [], categories: [] } },
    ],
    pageInfo: { hasNextPage: true, endCursor: 'next' },
  },
}

const seen = {
  seen0: {
    clientId: 'storefront',
    fields: [
      { field: 'Customer.givenName', form: 'FULL' },
      { field: 'Customer.postcode', form: 'REGION' },
    ],
  },
  seen2: { clientId: 'marketing', fields: [] },
}
