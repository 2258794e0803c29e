/** How much of a value a purpose is shown: all of it, its decade, its region, its SHA-256, or only that there is one. */
export type DataForm = 'FULL' | 'BAND' | 'REGION' | 'HASH' | 'PRESENCE'

export const dataForms = ['FULL', 'BAND', 'REGION', 'HASH', 'PRESENCE'] as const satisfies readonly DataForm[]

/** Names of the Fideslang taxonomy (3.1) that a customer profile can need. They form a tree by their dots. */
const fideslang = [
  'user.account.settings user.account.username',
  'user.authorization.biometric user.authorization.credentials user.authorization.password',
  'user.behavior.browsing_history user.behavior.media_consumption user.behavior.purchase_history user.behavior.search_history',
  'user.biometric user.childrens user.criminal_history',
  'user.contact.address.city user.contact.address.country user.contact.address.postal_code user.contact.address.state user.contact.address.street',
  'user.contact.email user.contact.organization user.contact.phone_number user.contact.url',
  'user.content.private user.content.public user.content.self_image',
  'user.demographic.age_range user.demographic.date_of_birth user.demographic.gender user.demographic.language',
  'user.demographic.marital_status user.demographic.political_opinion user.demographic.profile user.demographic.race_ethnicity',
  'user.demographic.religious_belief user.device.cookie user.device.cookie_id user.device.device_id user.device.ip_address',
  'user.financial.bank_account user.financial.credit_card user.health_and_medical user.job_title',
  'user.location.imprecise user.location.precise user.name.first user.name.last user.payment user.privacy_preferences',
  'user.social user.telemetry user.unique_id.pseudonymous user.workplace',
].flatMap((line) => line.split(' '))

const withParents = (name: string): string[] => name.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'))

/** Every category that a field or a policy may name, parents included. */
export const knownCategories: ReadonlySet<string> = new Set(fideslang.flatMap(withParents))

/** What the profile's own fields are; a test compares this with the schema. */
export const profileCategories: readonly FieldKind[] = [
  { category: 'user.contact.email', type: 'String', list: false },
  { category: 'user.name', type: 'String', list: false },
  { category: 'user.content.self_image', type: 'String', list: false },
  { category: 'user.demographic', type: 'Int', list: false },
  { category: 'user.contact.address.postal_code', type: 'String', list: false },
  { category: 'user.contact.address.country', type: 'String', list: false },
  { category: 'user.demographic.language', type: 'String', list: false },
]

/** Profile fields that a segment's rule may ask about, and what they are. */
export const ruleFields = {
  birthYear: 'user.demographic',
  postcode: 'user.contact.address.postal_code',
  country: 'user.contact.address.country',
  locale: 'user.demographic.language',
} as const

export interface FieldKind {
  readonly category: string
  readonly type: string
  readonly list: boolean
}

/** Whether an entry for `broader` speaks about `category` too. */
export const includesCategory = (broader: string, category: string): boolean => category === broader || category.startsWith(`${broader}.`)

/** What of a coverage speaks about a category: the most specific entry. */
export function mostSpecific<Entry extends { readonly category: string }>(coverage: readonly Entry[], category: string): Entry | null {
  return coverage
    .filter((entry) => includesCategory(entry.category, category))
    .reduce<Entry | null>((best, entry) => (best && best.category.length >= entry.category.length ? best : entry), null)
}

/** Forms that a field can take, the widest first. What is not listed for it cannot be given, so it covers nothing. */
export function formsOf(field: FieldKind): readonly DataForm[] {
  if (field.list) return ['FULL']
  if (field.type === 'Int') return ['FULL', 'BAND']
  if (field.type !== 'String') return ['FULL']
  if (field.category === 'user.contact.email') return ['FULL', 'HASH', 'PRESENCE']
  if (field.category === 'user.contact.address.postal_code') return ['FULL', 'REGION', 'PRESENCE']
  return ['FULL', 'PRESENCE']
}
