import type { LegalBasis, Policy, Purpose } from '../config/policy.ts'
import type { Client } from '../config/clients.ts'

/** What the running system adds to what the files say; null where no database was asked. */
export interface InOperation {
  readonly customers: number
  readonly erasuresOverdue: number
  readonly requestsOverdue: number
}

export interface RecordsInput {
  readonly policy: Policy
  readonly clients: readonly Pick<Client, 'id' | 'name' | 'purposes'>[]
  /** Names of the providers that people sign in with. */
  readonly sources: readonly string[]
  readonly inOperation: InOperation | null
  readonly madeAt: Date
}

/** One processing activity, with what Art. 30(1) GDPR asks for. */
export interface Activity {
  readonly purpose: string
  readonly title: string
  readonly legalBasis: string
  readonly subjects: readonly string[]
  readonly categories: readonly { readonly category: string; readonly form: string }[]
  readonly recipients: readonly string[]
  readonly processors: readonly string[]
  readonly erasure: string
}

export interface Records {
  readonly madeAt: string
  readonly policyVersion: string
  readonly controller: Policy['controller']
  readonly sources: readonly string[]
  readonly activities: readonly Activity[]
  readonly measures: readonly string[]
  readonly transfers: string
  readonly inOperation: InOperation | null
}

const articles: Readonly<Record<LegalBasis, string>> = {
  CONSENT: 'Art. 6(1)(a) consent',
  CONTRACT: 'Art. 6(1)(b) contract',
  LEGAL_OBLIGATION: 'Art. 6(1)(c) legal obligation',
  LEGITIMATE_INTEREST: 'Art. 6(1)(f) legitimate interest',
}

/** Art. 30(1)(g): each of these is in the code, not a promise. */
const measures = [
  'every read is decided field by field, by the purposes of the client and the decisions of the person',
  'fields without a category do not start',
  'ids differ from client to client and cannot be joined',
  'addresses and identities are looked up by keyed hashes; tokens, sessions and queued work are encrypted at rest',
  'decisions and accesses are written to hash chains and can be checked from outside',
  'values that are over go once a day; an erasure goes through every store and is certified',
  'second factors guard what changes an account',
]

/** The record of processing activities (Art. 30(1) GDPR), from the policy, the clients and the running system. Pure. */
export function recordsOf({ policy, clients, sources, inOperation, madeAt }: RecordsInput): Records {
  const shopPurposes = policy.purposes.filter(({ builtIn }) => !builtIn)
  return {
    madeAt: madeAt.toISOString(),
    policyVersion: policy.version,
    controller: policy.controller,
    sources,
    activities: [...shopPurposes.map((purpose) => activityOf(purpose, policy, clients)), accounts(policy)],
    measures,
    transfers: 'The policy names no recipients outside the European Economic Area; those of the clients and processors above are recorded with them.',
    inOperation,
  }
}

function activityOf(purpose: Purpose, { defaultLocale }: Policy, clients: RecordsInput['clients']): Activity {
  const held = purpose.keptAfterErasure === null ? '' : `; kept ${purpose.keptAfterErasure} beyond an erasure`
  const until = purpose.validity === null ? '' : `; consent counts for ${purpose.validity}`
  return {
    purpose: purpose.id,
    title: purpose.texts.get(defaultLocale)?.title ?? purpose.id,
    legalBasis: articles[purpose.legalBasis],
    subjects: ['customers'],
    categories: purpose.coverage.map(({ category, form }) => ({ category, form })),
    recipients: clients.filter(({ purposes }) => (purposes & purpose.mask) !== 0).map(({ id, name }) => `${name} (${id})`),
    processors: purpose.processors,
    erasure: `${purpose.retention} after the last visit${until}${held}`,
  }
}

/** What the house does for every account, whatever a shop's purposes are. */
const accounts = ({ erasure }: Policy): Activity => ({
  purpose: 'account',
  title: 'Signing in, keeping decisions, and the rights of the person',
  legalBasis: `${articles.CONTRACT}; ${articles.LEGAL_OBLIGATION} (Art. 7(1), 12 to 22)`,
  subjects: ['customers', 'visitors who sign in'],
  categories: ['user.account', 'user.authorization', 'user.device', 'user.privacy_preferences'].map((category) => ({ category, form: 'FULL' })),
  recipients: ['the person, in the account centre'],
  processors: [],
  erasure: `on request, after ${erasure.grace === 'P0D' ? 'no' : erasure.grace} delay; else with the longest retention above`,
})

/** The same for reading. */
export function recordsAsText(records: Records): string {
  const { controller, activities, inOperation } = records
  const list = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    - ${line}`)])
  return [
    'Record of processing activities (Art. 30(1) GDPR)',
    `Controller: ${controller.name}, ${controller.contact}`,
    ...(controller.jurisdiction === undefined ? [] : [`Jurisdiction: ${controller.jurisdiction}`]),
    ...(controller.storageLocations === undefined ? [] : [`Data is kept in: ${controller.storageLocations.join(', ')}`]),
    `Made at ${records.madeAt} from policy ${records.policyVersion.slice(0, 16)}`,
    `Where data comes from: the person; ${records.sources.join(', ')}`,
    ...activities.flatMap((one) => [
      '',
      `${one.purpose}: ${one.title}`,
      `  Legal basis: ${one.legalBasis}`,
      `  People: ${one.subjects.join(', ')}`,
      ...list(
        'Categories',
        one.categories.map(({ category, form }) => (form === 'FULL' ? category : `${category} (${form.toLowerCase()})`)),
      ),
      ...list('Recipients', one.recipients),
      ...list('Processors', one.processors),
      `  Erasure: ${one.erasure}`,
    ]),
    '',
    `Transfers: ${records.transfers}`,
    'Measures (Art. 32):',
    ...records.measures.map((measure) => `  - ${measure}`),
    '',
    inOperation === null
      ? 'In operation: not asked (set MONGODB_URI)'
      : `In operation: ${inOperation.customers} customers, ${inOperation.erasuresOverdue} erasures and ${inOperation.requestsOverdue} requests overdue`,
    '',
  ].join('\n')
}
