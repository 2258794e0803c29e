import { z } from 'zod'
import { alertsEntry, checkpointsEntry } from './alerts.ts'
import { audiencesEntry } from './audiences.ts'
import { dataForms } from './categories.ts'
import { isDuration, isSpan, spanOf } from './duration.ts'
import { catalogueEntry } from './event-catalogue.ts'
import { loginPageEntry } from './login-page.ts'
import { affinityEntry, computedEntry, segmentEntry } from './personalization-entries.ts'
import { questionsEntry } from './questions.ts'
import { category, duration, fieldName, locale, purposeId, text, titles } from './policy-values.ts'
import { stepUpEntry } from './step-up.ts'

export const legalBases = ['CONSENT', 'CONTRACT', 'LEGAL_OBLIGATION', 'LEGITIMATE_INTEREST'] as const
export const attributeTypes = ['String', 'Int', 'Boolean'] as const

/** Google Consent Mode v2, "Consent type". */
export const consentTypes = [
  'ad_storage',
  'ad_user_data',
  'ad_personalization',
  'analytics_storage',
  'functionality_storage',
  'personalization_storage',
  'security_storage',
] as const

const clientId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a client id')

const coverage = z.strictObject({
  category,
  form: z.enum(dataForms).describe('How much of the value is shown'),
  matchable: z
    .union([z.literal(true), z.literal('google')])
    .optional()
    .describe(
      'With HASH: a plain SHA-256, which an advertising platform can match: of the trimmed lower-case address (true; Meta and most others) or of what Google makes of it (google). Otherwise it is keyed per client',
    ),
})

const localisedText = z.strictObject({ title: text(120), text: text(2000) })

const textVersion = z
  .object({
    version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'must be letters, digits, dots and dashes'),
    date: z.iso.date().describe('When this text came into use'),
    correctsSpellingOf: z.string().optional().describe('An earlier version with the same meaning: consent to it still counts'),
  })
  .catchall(localisedText)
  .describe('Beside these, one member for each of the locales, with title and text')

const signals = z
  .strictObject({
    googleConsentMode: z
      .array(z.enum(consentTypes))
      .max(consentTypes.length)
      .default([])
      .describe('States of Google Consent Mode v2 that a basis for this purpose grants'),
    segmentCategories: z
      .array(text(100))
      .max(50)
      .default([])
      .describe('Categories in `context.consent.categoryPreferences` of Segment calls: a no to one of them keeps an event from this purpose'),
    tcfPurposes: z.array(z.int().min(1).max(11)).max(11).default([]).describe('Purposes of the IAB TCF that must all be consented to for a yes to this one'),
  })
  .prefault({})
  .describe('What this purpose is called in signals of others')

export const purposeEntry = z.strictObject({
  id: purposeId,
  legalBasis: z.enum(legalBases),
  formerBases: z
    .array(z.strictObject({ legalBasis: z.enum(legalBases), reason: text(500) }))
    .max(legalBases.length)
    .default([])
    .describe('What it stood on before, and why that changed: without it, a purpose that was in use moves to CONSENT only'),
  covers: z.array(coverage).min(1).max(50),
  clients: z.array(clientId).max(1000).describe('Who may act for this purpose'),
  retention: duration,
  keptAfterErasure: duration
    .optional()
    .describe('What it covers must outlast an erasure by so long (Art. 17(3)(b) GDPR): kept apart and encrypted. For CONTRACT and LEGAL_OBLIGATION'),
  processors: z.array(text(120)).max(50).default([]),
  validity: duration.optional().describe('How long a consent counts; without it, until it is withdrawn'),
  requires: z.array(purposeId).max(10).default([]).describe('Purposes that need a legal basis too before this one has one'),
  minimumAge: z
    .int()
    .min(1)
    .max(99)
    .optional()
    .describe('Who is younger, or has not said when they were born, cannot say yes to it (Art. 8 GDPR). With CONSENT'),
  confirm: z.literal('mail').optional().describe('A yes counts once a link that is sent to the address was followed (double opt-in). With CONSENT'),
  onGpc: z.literal('object').optional().describe('Global Privacy Control counts as an objection to it. With CONSENT and LEGITIMATE_INTEREST'),
  askAgainAfter: duration
    .optional()
    .describe('Who said no or left it open is asked again at a sign-in after so long; without it, a no is final and an open question comes back'),
  signals,
  texts: z.array(textVersion).min(1).max(100).describe('Oldest first; the last one is in use'),
})

export const attributeEntry = z.strictObject({
  name: fieldName,
  type: z.enum(attributeTypes),
  list: z.boolean().default(false),
  values: z
    .array(z.string().regex(/^[A-Z][A-Z0-9_]{0,40}$/, 'must be capitals, digits and _'))
    .min(1)
    .max(100)
    .optional()
    .describe('The only values allowed'),
  category,
  titles,
})

const sessionsEntry = z
  .strictObject({
    idle: duration.default('P14D').describe('A browser that was not used for so long is signed out'),
    absolute: duration.default('P90D').describe('So long after signing in one signs in again, however busy the browser or the app'),
  })
  .prefault({})
  .describe('How long a sign-in lasts')

const erasureEntry = z
  .strictObject({
    grace: z
      .string()
      .refine((text) => text === 'P0D' || isDuration(text), 'is not an ISO 8601 duration such as P0D or P14D')
      .default('P0D')
      .describe('How long the person can take it back'),
  })
  .prefault({})
  .describe('What happens when a person wants to be erased')

const place = z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, 'is not a code of ISO 3166 (or EU) such as DE or DE-BY')

const controllerEntry = z
  .strictObject({
    name: text(200),
    contact: text(200),
    jurisdiction: place.optional().describe('Under whose law it stands: in receipts and in the record of processing'),
    storageLocations: z.array(place).min(1).max(20).optional().describe('Where the data is kept: in receipts and in the record of processing'),
  })
  .describe('Who answers for the data')

const longestExport = spanOf('P7D')
const exportEntry = z
  .strictObject({
    keep: z
      .string()
      .refine((text) => isSpan(text) && spanOf(text) <= longestExport, 'is not an ISO 8601 duration such as PT12H or P1D, of at most P7D')
      .default('P1D')
      .describe('How long a person can fetch the archive of all that is kept about them'),
  })
  .prefault({})
  .describe('What people get when they ask for everything')

export const policyFile = z
  .strictObject({
    controller: controllerEntry,
    k: z.int().min(2).max(1000).default(10).describe('No published number stands for fewer people'),
    locales: z.array(locale).min(1).max(30).describe('Languages of all texts; the first is the default'),
    onlyForThePerson: z.array(category).default([]).describe('Profile categories that no purpose covers, on purpose'),
    purposes: z.array(purposeEntry).min(1),
    attributes: z.array(attributeEntry).max(200).default([]).describe("The shop's own fields, at Customer.traits"),
    events: z.array(catalogueEntry).max(200).default([]).describe('What people do that is kept, for what, and with which properties'),
    computed: z.array(computedEntry).max(100).default([]).describe('Traits worked out from events, at Customer.traits'),
    affinities: z.array(affinityEntry).max(20).default([]).describe('Interests that fade, at Customer.affinities'),
    segments: z.array(segmentEntry).max(200).default([]).describe('Groups of people by rule, at Customer.segments'),
    stepUp: stepUpEntry,
    sessions: sessionsEntry,
    export: exportEntry,
    erasure: erasureEntry,
    checkpoints: checkpointsEntry,
    alerts: alertsEntry,
    audiences: audiencesEntry,
    loginPage: loginPageEntry,
    questions: questionsEntry,
  })
  .meta({ title: 'Entente policy', description: 'Purposes, what each covers in which form, and the shop’s own attributes.' })

export type PolicyFile = z.infer<typeof policyFile>
export type PurposeEntry = z.infer<typeof purposeEntry>
export type AttributeEntry = z.infer<typeof attributeEntry>

/** Members that are fit although their entry is not: so that one reading finds all that is wrong. */
export const purposeMembers = purposeEntry.partial().strip()
export const attributeMembers = attributeEntry.partial().strip()
export type PurposeMembers = z.infer<typeof purposeMembers>
export type AttributeMembers = z.infer<typeof attributeMembers>

/** The JSON Schema of the policy file, for editors and for `schema/policy.schema.json`. */
export const policyJsonSchema = (): object => z.toJSONSchema(policyFile, { io: 'input', target: 'draft-2020-12' })
