import type { Attribute, DataForm, Policy, Purpose } from '../config/policy.ts'
import type { Mask } from '../operation.ts'
import type { TraitValue } from '../storage/customers.ts'
import type { ClassifiedField } from './classification.ts'
import { openParts, type OpenPart } from './derived.ts'
import { gate, purposeAskedFor, type Form } from './gate.ts'
import { textReader, whole, withheld, yearReader, type HashFor, type Reader } from './reduce.ts'
import type { Site } from './site.ts'

/** How a site shows customers to a token whose purposes have that basis: worked out once, then applied to each document. */
export interface Shape {
  readonly text: Readonly<Record<TextField, Reader<string>>>
  readonly birthYear: Reader<number>
  readonly traits: readonly { readonly name: string; readonly read: Reader<TraitValue> }[]
  /** Of selected values that are worked out, those that may be read. */
  readonly derived: readonly OpenPart[]
  readonly identities: boolean
  readonly identityEmail: Reader<string>
  readonly consents: boolean
  /** Selected fields that may be read, by name: for those with a resolver of their own. */
  readonly open: ReadonlySet<string>
  readonly refusals: readonly Refusal[]
  readonly reductions: readonly { readonly field: ClassifiedField; readonly form: DataForm }[]
  /** What was decided, per purpose that decided it: for the metrics. */
  readonly decisions: readonly GateDecision[]
}

/** So many fields were answered or withheld for the sake of that purpose; `none` where no purpose of the token covers them. */
export interface GateDecision {
  readonly purpose: string
  readonly outcome: 'readable' | 'reduced' | 'withheld'
  readonly fields: number
}

/** Fields withheld for the same purpose, or for want of one. */
export interface Refusal {
  readonly purpose: Purpose | null
  readonly fields: readonly ClassifiedField[]
}

export type TextField = 'email' | 'givenName' | 'familyName' | 'pictureUrl' | 'postcode' | 'country' | 'locale'

export function shapeOf(site: Site, token: Mask, may: Mask, policy: Policy, hashFor: HashFor): Shape {
  const decided = new Map(site.fields.map((field) => [field.coordinate, gate(field.masks, may)]))
  const decision = (coordinate: string): Form | 'withheld' => decided.get(coordinate) ?? 'withheld'
  const text = (name: string) => textReader(decision(`Customer.${name}`), hashFor)
  const attributes = new Map(policy.attributes.map((attribute) => [attribute.name, attribute]))
  const isOpen = ({ coordinate }: ClassifiedField) => decision(coordinate) !== 'withheld'
  return {
    text: {
      email: text('email'),
      givenName: text('givenName'),
      familyName: text('familyName'),
      pictureUrl: text('pictureUrl'),
      postcode: text('postcode'),
      country: text('country'),
      locale: text('locale'),
    },
    birthYear: yearReader(decision('Customer.birthYear')),
    traits: site.fields
      .filter(({ parent, derived }) => parent === 'Traits' && !derived)
      .map(({ name, coordinate }) => ({ name, read: traitReader(decision(coordinate), attributes.get(name), hashFor) })),
    derived: openParts([...new Set(site.fields.flatMap(({ derived = [] }) => derived))], may, policy),
    identities: decision('Customer.identities') !== 'withheld',
    identityEmail: textReader(decided.get('Identity.email') ?? decision('Customer.identities'), hashFor),
    consents: decision('Customer.consents') !== 'withheld',
    open: new Set(
      site.fields
        .filter(({ parent }) => parent === 'Customer')
        .filter(isOpen)
        .map(({ name }) => name),
    ),
    refusals: refusalsOf(
      site.fields.filter((field) => !isOpen(field)),
      token,
      policy,
    ),
    reductions: site.fields.flatMap((field) => {
      const form = decision(field.coordinate)
      return form === 'withheld' || form.form === 'FULL' ? [] : [{ field, form: form.form }]
    }),
    decisions: decisionsOf(site, decision, token, may, policy),
  }
}

function decisionsOf(site: Site, decision: (coordinate: string) => Form | 'withheld', token: Mask, may: Mask, policy: Policy): GateDecision[] {
  const counted = new Map<string, { -readonly [K in keyof GateDecision]: GateDecision[K] }>()
  for (const { coordinate, masks } of site.fields) {
    const form = decision(coordinate)
    const outcome = form === 'withheld' ? 'withheld' : form.form === 'FULL' ? 'readable' : 'reduced'
    const purpose = purposeAskedFor(masks, outcome === 'withheld' ? token : may, policy)?.id ?? 'none'
    const key = `${purpose} ${outcome}`
    const entry = counted.get(key) ?? { purpose, outcome, fields: 0 }
    entry.fields++
    counted.set(key, entry)
  }
  return [...counted.values()]
}

function refusalsOf(fields: readonly ClassifiedField[], token: Mask, policy: Policy): Refusal[] {
  const byPurpose = Map.groupBy(fields, ({ masks }) => purposeAskedFor(masks, token, policy))
  return [...byPurpose].map(([purpose, refused]) => ({ purpose, fields: refused }))
}

/** A trait in the form that its type can take; lists are never reduced (`formsOf`). What was stored under another type is not there. */
function traitReader(decided: Form | 'withheld', attribute: Attribute | undefined, hashFor: HashFor): Reader<TraitValue> {
  if (decided === 'withheld' || attribute === undefined) return withheld
  const isOfType = valuesOf(attribute)
  if (decided.form === 'FULL') return (value) => (isOfType(value) ? whole(value) : null)
  const text = textReader(decided, hashFor)
  const year = yearReader(decided)
  return (value, clientId) => {
    if (!isOfType(value)) return null
    return typeof value === 'string' ? text(value, clientId) : typeof value === 'number' ? year(value, clientId) : null
  }
}

function valuesOf({ type, list, values }: Attribute): (value: unknown) => boolean {
  const primitive = { String: 'string', Int: 'number', Boolean: 'boolean' }[type]
  const isOne = (value: unknown): boolean => (values === null ? typeof value === primitive : typeof value === 'string' && values.includes(value))
  return list ? (value) => Array.isArray(value) && value.every(isOne) : isOne
}
