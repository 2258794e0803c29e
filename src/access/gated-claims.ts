import { parse, Kind, type FieldNode, type GraphQLSchema } from 'graphql'
import type { Classification } from '../consent/classification.ts'
import { planOf } from '../consent/plan.ts'
import { newReport } from '../consent/report.ts'
import type { CustomerReads } from '../customers/reads.ts'
import type { Caller } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'

export interface GatedClaimsParts {
  readonly schema: GraphQLSchema
  readonly classification: Classification
  readonly reads: Pick<CustomerReads, 'me'>
  readonly customers: Pick<CustomerStore, 'readMany'>
}

const query = '{ me { email givenName familyName pictureUrl locale } }'

/**
 * Standard claims (OpenID Connect Core 1.0, 5.1) for the UserInfo endpoint: the same fields by the same plan and gate as GraphQL, so that
 * no claim has a road of its own. Reduced forms are no claims. UNAUTHENTICATED when the token has ended.
 */
export function gatedClaims({ schema, classification, reads, customers }: GatedClaimsParts) {
  const document = parse(query)
  const operation = document.definitions[0]
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('the query of the claims is no operation')
  const place = operation.selectionSet.selections.filter((node): node is FieldNode => node.kind === Kind.FIELD)
  const plan = planOf({ schema, classification, document, operation, variables: {} })

  return async function claimsFor(caller: Caller): Promise<Readonly<Record<string, unknown>>> {
    const reading = { caller, plan, report: newReport(false), shown: { customers: new Set<string>(), sites: new Set<never>(), missed: new Set<never>() } }
    const view = await reads.me(reading, place)
    if (view === null) return {}
    const reduced = new Set(reading.report.reduced().map(({ field }) => field))
    const email = reduced.has('Customer.email') ? null : view.email
    const [row] = email === null ? [] : await customers.readMany([view.key], { emailProof: 1 })
    return withoutNulls({
      email,
      email_verified: email === null ? null : (row?.emailProof ?? 'none') !== 'none',
      given_name: view.givenName,
      family_name: view.familyName,
      picture: view.pictureUrl,
      locale: view.locale,
    })
  }
}

const withoutNulls = (claims: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null))
