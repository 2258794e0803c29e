import 'reflect-metadata'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { print, type GraphQLSchema } from 'graphql'
import { buildSchemaSync } from 'type-graphql'
import { ClientChangesResolver } from '../access/client-changes-resolver.ts'
import { FactorsResolver } from '../access/factors-resolver.ts'
import { SessionsResolver } from '../access/sessions-resolver.ts'
import { StepUpResolver } from '../access/step-up-resolver.ts'
import { catalogue } from '../errors.ts'
import { AlertsResolver } from '../audit/alerts-resolver.ts'
import { AuditResolver } from '../audit/resolver.ts'
import { FunnelResolver } from '../audit/funnel-resolver.ts'
import { LinkingResolver } from '../broker/linking-resolver.ts'
import { LoginResolver } from '../broker/resolver.ts'
import type { Policy } from '../config/policy.ts'
import { classify, type Classification } from '../consent/classification.ts'
import { ConsentReceiptResolver, ConsentResolver } from '../consent/resolver.ts'
import { CustomerConnectionResolver, CustomerEdgeResolver, PageInfoResolver } from '../customers/connection.ts'
import { CustomerResolver } from '../customers/resolver.ts'
import { MergeResolver } from '../linking/merge-resolver.ts'
import { EventsResolver } from '../personalization/events-resolver.ts'
import { AudienceResolver } from '../personalization/audience-resolver.ts'
import { EnrichmentResolver } from '../personalization/enrichment-resolver.ts'
import { ErasureResolver } from '../privacy/erasure-resolver.ts'
import { PrivacyRequestResolver } from '../privacy/requests-resolver.ts'
import { ExportResolver } from '../privacy/export-resolver.ts'
import { LookUpResolver } from '../privacy/look-up-resolver.ts'
import { PrivacyResolver } from '../privacy/resolver.ts'
import { DerivedResolver } from '../personalization/derived-resolver.ts'
import { SegmentsResolver } from '../personalization/segments-resolver.ts'
import { entities } from './entities.ts'
import type { Operation } from './operation-context.ts'
import { resolversOf } from './resolvers-of.ts'
import { DateTime } from './scalars.ts'
import { traitTypes } from './traits.ts'
import { typeDefinitions } from './type-definitions.ts'

export interface EntenteSchema {
  readonly schema: GraphQLSchema
  readonly classification: Classification
  /** As written to `schema/entente.graphql`. */
  readonly sdl: string
}

/**
 * The schema of this policy: decorated classes, the policy's attributes as typed fields, a Federation 2 subgraph. Throws, naming the
 * fields, when a personal field is not classified.
 */
export function buildEntenteSchema(policy: Policy): EntenteSchema {
  const decorated = buildSchemaSync({
    resolvers: [
      CustomerResolver,
      CustomerConnectionResolver,
      CustomerEdgeResolver,
      PageInfoResolver,
      ConsentResolver,
      ConsentReceiptResolver,
      LoginResolver,
      SessionsResolver,
      FactorsResolver,
      StepUpResolver,
      LinkingResolver,
      MergeResolver,
      EventsResolver,
      AudienceResolver,
      PrivacyResolver,
      ExportResolver,
      ErasureResolver,
      PrivacyRequestResolver,
      AuditResolver,
      AlertsResolver,
      DerivedResolver,
      SegmentsResolver,
      FunnelResolver,
      EnrichmentResolver,
      ClientChangesResolver,
      LookUpResolver,
    ],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    // Its messages repeat the input; what scalars cannot say is checked where it is used.
    validate: false,
    skipCheck: true,
  })
  const typeDefs = typeDefinitions(decorated, policy)
  const resolvers = resolversOf(decorated)
  // Placeholders: a trait may be called like a member of a scalar.
  for (const name of traitTypes) delete resolvers[name]
  const schema = buildSubgraphSchema([
    { typeDefs, resolvers },
    { typeDefs: { kind: typeDefs.kind, definitions: [] }, resolvers: entities },
  ])
  checkTokenBeforeWrites(schema)
  return { schema, classification: classify(schema, policy), sdl: `${header}${print(typeDefs)}\n` }
}

/** What the types cannot say; in front of the printed schema only. */
const header = `# Error codes (extensions.code), one for each way to fail; docs/errors.md says when and what to do:
# ${Object.keys(catalogue).join(' ')}
# extensions.withheld: [{ field: "Customer.email", category: "user.contact.email", reason: CONSENT_MISSING, count: 3 }]
# extensions.reduced:  [{ field: "Customer.birthYear", category: "user.demographic", form: BAND, count: 3 }]
# reasons: CONSENT_MISSING CONSENT_WITHDRAWN OBJECTED RESTRICTED PURPOSE_NOT_GRANTED

`

/** A customer's token may have been ended since it was issued, so each write asks first; no mutation can forget to. UNAUTHENTICATED */
function checkTokenBeforeWrites(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field
    if (!resolve) throw new Error(`Mutation.${field.name} has no resolver.`)
    field.resolve = async (root, args, operation: Operation, info): Promise<unknown> => {
      if (operation.caller) await operation.parts.customers.reads.requireLive(operation.caller)
      return resolve(root, args, operation, info)
    }
  }
}
