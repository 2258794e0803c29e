import { z } from 'zod'
import { toldToCustomer } from '../audit/reads.ts'
import type { Policy } from '../config/policy.ts'
import type { Html } from './html.ts'
import type { View } from './layout.ts'
import { ask } from './ask.ts'
import type { AccountParts } from './parts.ts'

const states = ['NOT_ASKED', 'GRANTED', 'REFUSED', 'WITHDRAWN', 'OBJECTED', 'PENDING', 'OUTDATED', 'EXPIRED'] as const
const text = z.string().nullish()

const fieldAccess = z.object({ field: z.string(), form: z.enum(['FULL', 'BAND', 'REGION', 'HASH', 'PRESENCE']) })
const identityStates = ['active', 'revoked', 'blocked', 'gone'] as const
const identity = z.object({ id: z.string(), provider: z.string(), state: z.enum(identityStates), linkedAt: z.string(), lastUsedAt: text, email: text })
const consent = z.object({ purpose: z.string(), state: z.enum(states), textVersion: text, decidedAt: text, expiresAt: text })
const access = z.object({
  at: z.string(),
  type: z.enum(toldToCustomer),
  clientId: text,
  purposes: z.array(z.string()),
  categories: z.array(z.string()),
  reason: text,
})
const alert = z.object({ why: z.enum(['notMe', 'tokenReuse', 'providerEvent']) })
const factor = z.object({
  id: z.string(),
  kind: z.enum(['passkey', 'totp', 'recoveryCodes']),
  name: text,
  addedAt: z.string(),
  lastUsedAt: text,
  left: z.number().nullish(),
})
const device = z.object({ id: z.string(), agent: z.string(), place: text, firstAt: z.string(), lastAt: z.string(), current: z.boolean() })
const browserSession = z.object({
  id: z.string(),
  signedInAt: z.string(),
  clientNames: z.array(z.string()),
  way: text,
  device: z.object({ agent: z.string(), place: text }).nullish(),
  current: z.boolean(),
})
const source = z.object({ field: z.string(), from: z.string(), at: z.string(), confidence: z.number() })
const interest = z.object({ kind: z.string(), name: z.string() })
const explained = z.object({ title: z.string(), member: z.boolean(), conditions: z.array(z.object({ text: z.string(), holds: z.boolean() })) })
const merge = z.object({ id: z.string(), mergedAt: z.string(), undoUntil: z.string() })
const exported = z.object({
  id: z.string(),
  state: z.enum(['PENDING', 'READY', 'EXPIRED', 'FAILED']),
  requestedAt: z.string(),
  expiresAt: z.string(),
  url: text,
})
const traitValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]).nullish()

/** Ways in, what confirms beside them, and what is known of both. */
const ways = z.object({
  alert: alert.nullish(),
  identities: z.array(identity).nullish(),
  factors: z.array(factor).nullish(),
  devices: z.array(device).nullish(),
  merges: z.array(merge).nullish(),
})

const person = ways.extend({
  email: text,
  givenName: text,
  familyName: text,
  birthYear: z.number().nullish(),
  postcode: text,
  country: text,
  locale: text,
  traits: z.record(z.string(), traitValue).nullish(),
  consents: z.array(consent).nullish(),
  sessions: z.array(browserSession).nullish(),
  exports: z.array(exported).nullish(),
  erasure: z.object({ dueAt: z.string() }).nullish(),
  sources: z.array(source).nullish(),
  affinities: z.array(interest).nullish(),
  interestsOff: z.array(interest).nullish(),
  accessLog: z
    .object({
      edges: z.array(z.object({ node: access })),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: text }),
    })
    .nullish(),
})
const seen = z.object({ clientId: z.string(), fields: z.array(fieldAccess) })

export type Person = z.infer<typeof person>
export type Ways = z.infer<typeof ways>
export type Identity = z.infer<typeof identity>
export type Factor = z.infer<typeof factor>
export type Device = z.infer<typeof device>
export type BrowserSession = z.infer<typeof browserSession>
export type AccessEntry = z.infer<typeof access>
export type ExportEntry = z.infer<typeof exported>
export type ValueSource = z.infer<typeof source>
export type ConsentNow = z.infer<typeof consent>

export interface AccountData {
  readonly person: Person
  readonly seen: readonly z.infer<typeof seen>[]
  /** Why the person is in the groups that they are in, by language. */
  readonly groups: Readonly<Record<'en' | 'de', readonly z.infer<typeof explained>[]>>
}

/** What the sections of the page are made from. */
export interface Account {
  readonly parts: AccountParts
  readonly view: View
  readonly data: AccountData
  /** The hidden field of every form. */
  readonly token: Html
}

/** How many clients one operation asks about: their aliases are counted by our own limits. */
const clientsAtOnce = 20

/** Everything that the page shows, by our own API under `data_subject_access`. UNAUTHENTICATED, or what the API answers. */
export async function readAccount(parts: AccountParts, token: string, after: string | null): Promise<AccountData> {
  const data = await ask(parts, accountQuery(parts.policy), { after }, token)
  const { me, en, de } = z.object({ me: person, en: z.array(explained), de: z.array(explained) }).parse(data)
  const isIn = ({ member }: z.infer<typeof explained>): boolean => member
  const clients = parts.clients().filter(({ id }) => parts.policy.purposes.some((purpose) => purpose.clients.has(id)))
  const batches = Array.from({ length: Math.ceil(clients.length / clientsAtOnce) }, (_, n) => clients.slice(n * clientsAtOnce, (n + 1) * clientsAtOnce))
  const seenInBatches = await Promise.all(
    batches.map((batch) =>
      readSeen(
        parts,
        token,
        batch.map(({ id }) => id),
      ),
    ),
  )
  return { person: me, seen: seenInBatches.flat(), groups: { en: en.filter(isIn), de: de.filter(isIn) } }
}

async function readSeen(parts: AccountParts, token: string, clients: readonly string[]): Promise<AccountData['seen']> {
  const data = await ask(parts, seenQuery(clients.length), Object.fromEntries(clients.map((id, n) => [`c${n}`, id])), token)
  const { me } = z.object({ me: z.record(z.string(), seen.nullish()) }).parse(data)
  return Object.values(me).filter((view) => view != null)
}

const waysIn = `identities { id provider state linkedAt lastUsedAt email }
  factors { id kind name addedAt lastUsedAt left }
  devices { id agent place firstAt lastAt current }
  merges { id mergedAt undoUntil }
  alert { why }`

/** What the pages before a step name. */
export async function readWays(parts: AccountParts, token: string): Promise<Ways> {
  return z.object({ me: ways }).parse(await ask(parts, waysQuery, {}, token)).me
}

export const waysQuery = `query Ways { me { ${waysIn} } }`

export function accountQuery({ attributes, computed }: Policy): string {
  const names = [...attributes, ...computed].map(({ name }) => name)
  const traits = names.length > 0 ? `traits { ${names.join(' ')} }` : ''
  return `query Account($after: String) { me {
  email givenName familyName birthYear postcode country locale ${traits}
  ${waysIn}
  consents { purpose state textVersion decidedAt expiresAt }
  exports { id state requestedAt expiresAt url }
  erasure { dueAt }
  sources { field from at confidence }
  affinities { kind name }
  interestsOff { kind name }
  sessions { id signedInAt clientNames way device { agent place } current }
  accessLog(first: 20, after: $after) { edges { node { at type clientId purposes categories reason } } pageInfo { hasNextPage endCursor } }
} en: explainSegments(locale: "en") { title member conditions { text holds } } de: explainSegments(locale: "de") { title member conditions { text holds } } }`
}

/** What each of so many clients would get: variables `c0`, `c1` and so on. */
export function seenQuery(clients: number): string {
  const numbers = Array.from({ length: clients }, (_, n) => n)
  return `query SeenBy(${numbers.map((n) => `$c${n}: ID!`).join(', ')}) { me {
  ${numbers.map((n) => `seen${n}: seenBy(clientId: $c${n}) { clientId fields { field form } }`).join('\n  ')}
} }`
}

export const mutations = {
  updateProfile: 'mutation UpdateProfile($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }',
  startLinking: 'mutation StartLinking($provider: ID!, $redirectUri: String!) { startLinking(provider: $provider, redirectUri: $redirectUri) { url } }',
  unlinkIdentity: 'mutation UnlinkIdentity($id: ID!) { unlinkIdentity(id: $id) { id } }',
  mergeCustomer: 'mutation MergeCustomer($proof: String!) { mergeCustomer(proof: $proof) { id } }',
  undoMerge: 'mutation UndoMerge($id: ID!) { undoMerge(id: $id) }',
  eraseMe: 'mutation EraseMe { eraseMe(confirm: true) { id dueAt completedAt certificate } }',
  cancelErasure: 'mutation CancelErasure { cancelErasure }',
  setConsents: 'mutation SetConsents($decisions: [ConsentDecisionInput!]!, $locale: String) { setConsents(decisions: $decisions, locale: $locale) { id } }',
  startPasskey: 'mutation StartPasskey { startPasskey { handle options } }',
  addPasskey: 'mutation AddPasskey($input: NewPasskeyInput!) { addPasskey(input: $input) }',
  startTotp: 'mutation StartTotp { startTotp { secret uri } }',
  confirmTotp: 'mutation ConfirmTotp($code: String!) { confirmTotp(code: $code) }',
  newRecoveryCodes: 'mutation NewRecoveryCodes { newRecoveryCodes }',
  removeFactor: 'mutation RemoveFactor($id: ID!) { removeFactor(id: $id) }',
  forgetDevice: 'mutation ForgetDevice($id: ID!) { forgetDevice(id: $id) }',
  endSession: 'mutation EndSession($id: ID!) { endSession(id: $id) }',
  startStepUp: 'mutation StartStepUp($action: ID!) { startStepUp(action: $action) { accepted reasons passkeyOptions handle } }',
  sendStepUpCode: 'mutation SendStepUpCode($action: ID!) { sendStepUpCode(action: $action) }',
  completeStepUp: 'mutation CompleteStepUp($action: ID!, $proof: StepUpProofInput!) { completeStepUp(action: $action, proof: $proof) }',
  switchInterest: 'mutation SwitchInterest($kind: ID!, $name: String!, $off: Boolean!) { switchInterest(kind: $kind, name: $name, off: $off) }',
  requestExport: 'mutation RequestExport { requestExport { id } }',
  logout: 'mutation Logout($everywhere: Boolean) { logout(everywhere: $everywhere) }',
} as const

export const startedLinking = z.object({ startLinking: z.object({ url: z.string() }) })
