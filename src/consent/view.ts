import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import type { Caller, CustomerKey, Mask } from '../operation.ts'
import type { GatedRow, IdentitySummary, TraitValue } from '../storage/customers.ts'
import type { IdentityState } from '../storage/identities.ts'
import { consentsOf, type Consent } from './decisions.ts'
import { closedByDeadAddress } from './dead-address.ts'
import { nothingDerived, type DerivedValues, type ReadDerived } from './derived.ts'
import { mayOf, tokenFor } from './gate.ts'
import type { HashFor } from './reduce.ts'
import type { Report } from './report.ts'
import { shapeOf, type Shape } from './shape.ts'
import type { Site } from './site.ts'

/** All that resolvers ever see of a customer: what was selected and may be read, in the form it may be read in; the rest is null. */
export interface CustomerView {
  /** Inside the house only. */
  readonly key: CustomerKey
  /** The caller's own id of this customer; put in by `customers/reads.ts`. */
  id: string
  readonly email: string | null
  readonly givenName: string | null
  readonly familyName: string | null
  readonly pictureUrl: string | null
  readonly birthYear: number | null
  readonly postcode: string | null
  readonly country: string | null
  readonly locale: string | null
  readonly traits: Readonly<Record<string, TraitValue | null>>
  /** What was worked out of behaviour, as far as it was selected and may be read. */
  readonly derived: DerivedValues
  readonly identities: readonly IdentityView[] | null
  readonly consents: readonly Consent[] | null
  /** Names of the selected fields that may be read: asked by those with a resolver of their own. */
  readonly open: ReadonlySet<string>
}

export type IdentityView = Pick<IdentitySummary, 'id' | 'provider' | 'linkedAt' | 'lastUsedAt'> & {
  readonly state: IdentityState
  readonly email: string | null
}

export interface ViewParts {
  readonly policy: Policy
  /** HMAC under a key of the client's own, hexadecimal. */
  readonly hashFor: HashFor
  readonly readDerived: ReadDerived
  /** Milliseconds. */
  readonly now: () => number
}

/** Strangers choose selections and scopes: what is kept for them is bounded. */
const mostShapes = 256

/** Makes views: one pass over what was read, with everything that can be known beforehand worked out once per site and permission. */
export function views({ policy, hashFor, readDerived, now }: ViewParts) {
  const shapes = new WeakMap<Site, Map<Mask, Map<Mask, Shape>>>()
  const closed = closedByDeadAddress(policy)

  function shapeFor(site: Site, token: Mask, may: Mask): Shape {
    let byToken = shapes.get(site)
    if (!byToken || byToken.size >= mostShapes) shapes.set(site, (byToken = new Map()))
    let byMay = byToken.get(token)
    if (!byMay) byToken.set(token, (byMay = new Map()))
    let shape = byMay.get(may)
    if (!shape) byMay.set(may, (shape = shapeOf(site, token, may, policy, hashFor)))
    return shape
  }

  /**
   * The document as this caller may see it at this site. Call it for documents that are returned, and once for each: the report counts.
   * `may` is what the caller may do with this customer now, where that was worked out already.
   */
  return function viewOf(row: GatedRow, site: Site, caller: Caller, report: Report, may: Mask = mayOf(caller, row, policy, now())): CustomerView {
    const token = tokenFor(caller, row)
    const shape = shapeFor(site, token & site.mask, may & site.mask)
    // Like an address that is not there, so nothing is said of it: whether a field is withheld does not hang on values.
    const addresses = row.emailUndeliverable === true ? shapeFor(site, token & site.mask, may & site.mask & ~closed) : shape
    report.saw(shape, row)
    const { text } = shape
    const client = caller.clientId
    const derived = shape.derived.length === 0 ? nothingDerived : readDerived(row, shape.derived, now())
    return {
      key: row._id,
      id: '',
      email: addresses.text.email(row.email, client),
      givenName: text.givenName(row.givenName, client),
      familyName: text.familyName(row.familyName, client),
      pictureUrl: text.pictureUrl(row.pictureUrl, client),
      birthYear: shape.birthYear(row.birthYear, client),
      postcode: text.postcode(row.postcode, client),
      country: text.country(row.country, client),
      locale: text.locale(row.locale, client),
      traits: traitsOf(row, shape, derived, client),
      derived,
      identities: shape.identities ? (row.identities ?? []).map((identity) => identityOf(identity, addresses, client)) : null,
      consents: shape.consents ? consentsOf(row.decisions, policy, decidedBy(token), now()) : null,
      open: shape.open,
    }
  }
}

export type ViewOf = ReturnType<typeof views>

/** The person sees every decision; a client those about the purposes of its token. */
const decidedBy = (token: Mask): Mask => ((token & dataSubjectAccess) !== 0 ? everyPurpose : token)
const everyPurpose: Mask = ~0

const noTraits = Object.freeze({})

function traitsOf(row: GatedRow, shape: Shape, derived: DerivedValues, client: string): Readonly<Record<string, TraitValue | null>> {
  if (shape.traits.length === 0) return derived === nothingDerived ? noTraits : derived.traits
  const traits: Record<string, TraitValue | null> = { ...derived.traits }
  for (const { name, read } of shape.traits) traits[name] = read(row.traits?.[name], client)
  return traits
}

function identityOf({ id, provider, state = 'active', linkedAt, lastUsedAt, email }: IdentitySummary, shape: Shape, client: string): IdentityView {
  return { id, provider, state, linkedAt, lastUsedAt, email: shape.identityEmail(email, client) }
}
