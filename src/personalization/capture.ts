import { includesCategory } from '../config/categories.ts'
import { addDuration } from '../config/duration.ts'
import type { CatalogueEvent } from '../config/event-catalogue.ts'
import type { Policy } from '../config/policy.ts'
import type { Mask } from '../operation.ts'
import type { EventValue } from '../storage/events.ts'
import { keptText } from './kept-text.ts'

/** Why an event is not kept. What each stands for is the table in `docs/events.md`. */
export type Refusal = 'UNKNOWN_EVENT' | 'INVALID_PROPERTIES' | 'TOO_LARGE' | 'NO_PURPOSE'

/** An event as a client sent it, with nothing of it checked. */
export interface SentEvent {
  readonly messageId: string
  readonly name: string
  /** When it happened by the client's clock, milliseconds; null: when it was received. */
  readonly at: number | null
  readonly properties: Readonly<Record<string, unknown>>
  /** Purposes that the sender says no to. */
  readonly refused: Mask
  /** Purposes that the sender says yes to; counts for somebody whom nobody knows only. */
  readonly agreed: Mask
}

/** What may be kept of it, and at most for which purposes, whoever did it. */
export interface FitEvent {
  readonly messageId: string
  readonly name: string
  readonly at: Date
  readonly receivedAt: Date
  readonly expiresAt: Date
  readonly properties: Readonly<Record<string, EventValue>>
  readonly purposes: Mask
  readonly agreed: Mask
  /** How many texts were left out because they say how to reach somebody. */
  readonly leftOut: number
}

/** Characters. */
const longestId = 100
const longestText = 500
/** Anonymous events wait no longer for somebody to sign in. */
const anonymousFor = 'P30D'

interface Property {
  readonly name: string
  readonly type: 'String' | 'Int' | 'Float' | 'Boolean'
  /** The catalogue says that it is how to reach the person. */
  readonly isContact: boolean
}

interface Rule {
  readonly purposes: Mask
  readonly retention: readonly string[]
  readonly properties: readonly Property[]
}

/**
 * The pure half of keeping events: which may be kept, for what, with which properties. A property that the catalogue does not name is left
 * out, and so is a text that says how to reach somebody where the catalogue expects none; one of another type than it says makes the event
 * unfit, so that a type never changes under what is derived from it.
 */
export function capturing(policy: Policy) {
  const rules = new Map([...policy.events].map(([name, entry]) => [name, ruleOf(entry, policy)]))
  const withoutConsent = policy.purposes.reduce((mask, purpose) => (purpose.legalBasis === 'CONSENT' ? mask : mask | purpose.mask), 0)
  const namesOf = remembered((mask: Mask): readonly string[] => policy.namesOf(mask))
  return {
    knows: (name: string): boolean => rules.has(name),

    /** For what is received at one moment. */
    fitting(receivedAt: Date): (sent: SentEvent) => FitEvent | Refusal {
      // The calendar is asked once for each kind of event, not for each event.
      const endOf = remembered((rule: Rule) => rule.retention.map((one) => addDuration(receivedAt, one)).reduce(earlier))
      return (sent) => {
        const rule = rules.get(sent.name)
        if (rule === undefined) return 'UNKNOWN_EVENT'
        if (sent.messageId === '' || sent.messageId.length > longestId) return 'INVALID_PROPERTIES'
        const kept = propertiesOf(rule, sent.properties)
        if (typeof kept === 'string') return kept
        const expiresAt = endOf(rule)
        const { messageId, name, agreed } = sent
        return {
          messageId,
          name,
          at: momentOf(sent, receivedAt, expiresAt),
          receivedAt,
          expiresAt,
          ...kept,
          purposes: rule.purposes & ~sent.refused,
          agreed,
        }
      }
    },

    /** What an event counts for when this is what has a legal basis. */
    purposesOf: (event: Pick<FitEvent, 'purposes'>, basis: Mask): readonly string[] => namesOf(event.purposes & basis),

    /** The same for somebody whom nobody knows: what needs no consent, and what the shop's own question was answered with yes. */
    anonymousPurposesOf: ({ purposes, agreed }: FitEvent): readonly string[] => namesOf(purposes & (withoutConsent | agreed)),

    anonymousUntil: ({ receivedAt, expiresAt }: FitEvent): Date => earlier(expiresAt, addDuration(receivedAt, anonymousFor)),
  }
}

export type Capturing = ReturnType<typeof capturing>

const ruleOf = ({ purposes, retention, properties }: CatalogueEvent, policy: Policy): Rule => ({
  purposes: policy.maskOf(purposes),
  retention,
  properties: [...properties].map(([name, { type, category }]) => ({ name, type, isContact: includesCategory('user.contact', category) })),
})

function propertiesOf(rule: Rule, given: SentEvent['properties']): Pick<FitEvent, 'properties' | 'leftOut'> | Refusal {
  const properties: Record<string, EventValue> = {}
  let leftOut = 0
  for (const { name, type, isContact } of rule.properties) {
    const value = given[name]
    if (value === undefined || value === null) continue
    if (!isOf(type, value)) return 'INVALID_PROPERTIES'
    if (typeof value === 'string' && value.length > longestText) return 'TOO_LARGE'
    const kept = typeof value === 'string' && !isContact ? keptText(value) : value
    if (kept === null) leftOut++
    else properties[name] = kept
  }
  return { properties, leftOut }
}

function isOf(type: Property['type'], value: unknown): value is EventValue {
  if (type === 'String') return typeof value === 'string'
  if (type === 'Boolean') return typeof value === 'boolean'
  return type === 'Int' ? Number.isSafeInteger(value) : Number.isFinite(value)
}

/** A clock may be years off: nothing happened later than it was heard of, nor longer ago than it would be kept. */
function momentOf({ at }: SentEvent, receivedAt: Date, expiresAt: Date): Date {
  if (at === null) return receivedAt
  const [heard, kept] = [receivedAt.getTime(), expiresAt.getTime() - receivedAt.getTime()]
  return new Date(Math.min(Math.max(at, heard - kept), heard))
}

const earlier = (a: Date, b: Date): Date => (a < b ? a : b)

function remembered<Of, T>(make: (of: Of) => T): (of: Of) => T {
  const made = new Map<Of, T>()
  return (of) => {
    const known = made.get(of) ?? make(of)
    made.set(of, known)
    return known
  }
}
