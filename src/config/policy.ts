import { createHash } from 'node:crypto'
import type { Mask } from '../operation.ts'
import { alertPolicy, type AlertPolicy } from './alerts.ts'
import { audiencePolicy, type AudiencePolicy } from './audiences.ts'
import type { DataForm } from './categories.ts'
import type { AttributeEntry, PurposeEntry } from './policy-file.ts'
import { spanOf } from './duration.ts'
import { catalogueOf } from './event-catalogue.ts'
import { personalizationOf, type Personalization } from './personalization.ts'
import { loginVariants, type LoginVariant } from './login-page.ts'
import { parsePolicyFile } from './policy-source.ts'
import type { Question } from './questions.ts'
import { stepUpPolicy, type StepUpPolicy } from './step-up.ts'

export type { DataForm } from './categories.ts'
export type LegalBasis = 'CONSENT' | 'CONTRACT' | 'LEGAL_OBLIGATION' | 'LEGITIMATE_INTEREST'

/** Whose plain hashes of an address it may be compared with: anybody's, or Google's, who normalise it further. */
export type Matchable = boolean | 'google'

export interface Coverage {
  readonly category: string
  readonly form: DataForm
  /** The hash may be compared with other people's hashes: plain SHA-256 instead of one keyed per client. */
  readonly matchable: Matchable
}

export interface PurposeText {
  readonly title: string
  readonly text: string
  /** SHA-256 (hex) of the JSON array of both: what a consent was given to. */
  readonly hash: string
}

export interface Purpose {
  readonly id: string
  readonly bit: number
  readonly mask: Mask
  readonly legalBasis: LegalBasis
  /** Bases that it is said to have left, with a reason. */
  readonly formerBases: ReadonlySet<string>
  readonly coverage: readonly Coverage[]
  /** By locale, of the version in use. */
  readonly texts: ReadonlyMap<string, PurposeText>
  readonly textVersion: string
  /** When the text in use came into use: `2026-01-15`. */
  readonly textDate: string
  /** Consent to one of these counts: the version in use, and those it only corrects the spelling of. */
  readonly validVersions: ReadonlySet<string>
  readonly clients: ReadonlySet<string>
  /** Purposes that need a legal basis too. */
  readonly requires: Mask
  /** ISO 8601 duration. */
  readonly retention: string
  /** ISO 8601 duration for which what it covers outlasts an erasure; null: it does not. */
  readonly keptAfterErasure: string | null
  readonly processors: readonly string[]
  /** Years. */
  readonly minimumAge: number | null
  /** Whether a yes waits for a link in a mail (double opt-in). */
  readonly confirm: 'mail' | null
  /** What Global Privacy Control means for it. */
  readonly onGpc: 'object' | null
  /** ISO 8601 duration in which nobody is asked a second time; null: a no is final, and an open question comes back. */
  readonly askAgainAfter: string | null
  readonly signals: PurposeEntry['signals']
  /** ISO 8601 duration after which a consent no longer counts. */
  readonly validity: string | null
  readonly builtIn: boolean
}

/** A field of the shop's own, at `Customer.traits`. */
export interface Attribute {
  readonly name: string
  readonly type: 'String' | 'Int' | 'Boolean'
  readonly list: boolean
  readonly values: readonly string[] | null
  readonly category: string
  /** By locale. */
  readonly titles: ReadonlyMap<string, string>
}

/** What people read that a trait is called: in that language, else in the policy's first one. Undefined where the policy does not say. */
export function traitTitle(
  { attributes, computed, defaultLocale }: Pick<Policy, 'attributes' | 'computed' | 'defaultLocale'>,
  name: string,
  locale: string,
): string | undefined {
  const titles = [...attributes, ...computed].find((trait) => trait.name === name)?.titles
  return titles?.get(locale) ?? titles?.get(defaultLocale)
}

/** Who answers for the data; where and under whose law, by codes of ISO 3166, where the policy says so. */
export interface Controller {
  readonly name: string
  readonly contact: string
  readonly jurisdiction?: string | undefined
  readonly storageLocations?: readonly string[] | undefined
}

export interface Policy extends Personalization {
  /** SHA-256 (hex) of the content: two processes with the same one decide alike. */
  readonly version: string
  /** The smallest group that a published number may stand for. */
  readonly k: number
  readonly controller: Controller
  readonly defaultLocale: string
  readonly locales: readonly string[]
  /** Built-in ones first, then in the order of the file. */
  readonly purposes: readonly Purpose[]
  readonly purpose: (id: string) => Purpose | undefined
  readonly attributes: readonly Attribute[]
  /** When somebody must prove once more who they are. */
  readonly stepUp: StepUpPolicy
  readonly alerts: AlertPolicy
  readonly audiences: AudiencePolicy
  /** Milliseconds between two checkpoints. */
  readonly checkpointEvery: number
  /** ISO 8601 durations: since a browser was last used, and since the person signed in. */
  readonly sessions: { readonly idle: string; readonly absolute: string }
  /** How long people can fetch the archive of all that is kept about them, milliseconds. */
  readonly export: { readonly keep: number }
  /** How long an erasure can be taken back: an ISO 8601 duration, `P0D` for not at all. */
  readonly erasure: { readonly grace: string }
  /** None: the login page is alike for everybody. */
  readonly loginVariants: readonly LoginVariant[]
  /** What people may be asked for, the most useful first. */
  readonly questions: readonly Question[]
  /** Unknown ids have no bit. */
  readonly maskOf: (ids: Iterable<string>) => Mask
  readonly namesOf: (mask: Mask) => string[]
}

/** Covers everything about the person who asks, and nothing about anybody else. Only for clients registered for it. */
export const dataSubjectAccess: Mask = 1
/** Proof of consent (Art. 7(1) GDPR): in every token, so that a client can see the decisions about its own purposes. */
export const consentRecord: Mask = 2
export const builtInPurposes: Mask = dataSubjectAccess | consentRecord

/** Reads a policy file (YAML or JSON). Throws `PolicyError`, which lists everything that is wrong with line and column. */
export function readPolicy(text: string, fileName: string): Policy {
  const file = parsePolicyFile(text, fileName)
  const ids = ['data_subject_access', 'consent_record', ...file.purposes.map(({ id }) => id)]
  const bitOf = new Map(ids.map((id, bit) => [id, 1 << bit]))
  const maskOf = (wanted: Iterable<string>): Mask => [...wanted].reduce((mask, id) => mask | (bitOf.get(id) ?? 0), 0)
  const purposes = [...builtIns(), ...file.purposes.map((entry, i) => purposeOf(entry, i + 2, maskOf))]
  const byId = new Map(purposes.map((purpose) => [purpose.id, purpose]))
  return {
    version: createHash('sha256').update(JSON.stringify(file)).digest('hex'),
    k: file.k,
    controller: file.controller,
    defaultLocale: file.locales[0] ?? 'en',
    locales: file.locales,
    purposes,
    purpose: (id) => byId.get(id),
    attributes: file.attributes.map(attributeOf),
    ...personalizationOf(
      file,
      catalogueOf(file.events, (id) => byId.get(id)?.retention),
      maskOf,
    ),
    stepUp: stepUpPolicy(file.stepUp),
    alerts: alertPolicy(file.alerts),
    audiences: audiencePolicy(file.audiences),
    checkpointEvery: spanOf(file.checkpoints.every),
    sessions: file.sessions,
    export: { keep: spanOf(file.export.keep) },
    erasure: file.erasure,
    loginVariants: loginVariants(file.loginPage),
    questions: file.questions,
    maskOf,
    namesOf: (mask) => purposes.filter((purpose) => (purpose.mask & mask) !== 0).map(({ id }) => id),
  }
}

function purposeOf(entry: PurposeEntry, bit: number, maskOf: (ids: Iterable<string>) => Mask): Purpose {
  const current = entry.texts[entry.texts.length - 1]
  const { version = '', date = '', correctsSpellingOf: _corrects, ...languages } = current ?? {}
  return {
    id: entry.id,
    bit,
    mask: 1 << bit,
    legalBasis: entry.legalBasis,
    formerBases: new Set(entry.formerBases.map(({ legalBasis }) => legalBasis)),
    coverage: entry.covers.map(({ category, form, matchable }) => ({ category, form, matchable: matchable ?? false })),
    texts: new Map(Object.entries(languages).map(([locale, { title, text }]) => [locale, { title, text, hash: textHash(title, text) }])),
    textVersion: version,
    textDate: date,
    validVersions: sameMeaning(entry.texts, version),
    clients: new Set(entry.clients),
    requires: maskOf(entry.requires),
    retention: entry.retention,
    keptAfterErasure: entry.keptAfterErasure ?? null,
    processors: entry.processors,
    minimumAge: entry.minimumAge ?? null,
    confirm: entry.confirm ?? null,
    onGpc: entry.onGpc ?? null,
    askAgainAfter: entry.askAgainAfter ?? null,
    signals: entry.signals,
    validity: entry.validity ?? null,
    builtIn: false,
  }
}

const textHash = (title: string, text: string): string =>
  createHash('sha256')
    .update(JSON.stringify([title, text]))
    .digest('hex')

function sameMeaning(texts: PurposeEntry['texts'], version: string): ReadonlySet<string> {
  const valid = new Set<string>()
  for (let next: string | undefined = version; next !== undefined && !valid.has(next); next = texts.find((text) => text.version === next)?.correctsSpellingOf)
    valid.add(next)
  return valid
}

function attributeOf({ name, type, list, values, category, titles = {} }: AttributeEntry): Attribute {
  return { name, type, list, values: values ?? null, category, titles: new Map(Object.entries(titles)) }
}

function builtIns(): Purpose[] {
  const none = {
    texts: new Map(),
    textVersion: 'built-in',
    textDate: '',
    validVersions: new Set<string>(),
    clients: new Set<string>(),
    requires: 0,
    retention: 'P0D',
    keptAfterErasure: null,
    processors: [],
    minimumAge: null,
    confirm: null,
    onGpc: null,
    askAgainAfter: null,
    signals: { googleConsentMode: [], segmentCategories: [], tcfPurposes: [] },
    validity: null,
    formerBases: new Set<string>(),
    builtIn: true,
    legalBasis: 'LEGAL_OBLIGATION' as const,
  }
  return [
    { ...none, id: 'data_subject_access', bit: 0, mask: dataSubjectAccess, coverage: [{ category: 'user', form: 'FULL', matchable: false }] },
    { ...none, id: 'consent_record', bit: 1, mask: consentRecord, coverage: [{ category: 'user.privacy_preferences', form: 'FULL', matchable: false }] },
  ]
}
