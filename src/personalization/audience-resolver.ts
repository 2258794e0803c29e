import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Ctx, Field, ID, Info, Int, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql'
import { Customer } from '../customers/customer-type.ts'
import type { Reading } from '../customers/reads.ts'
import type { Audiences, CursorPage } from './audiences.ts'

enum SuppressionReason {
  withdrawn = 'withdrawn',
  objected = 'objected',
  expired = 'expired',
  restricted = 'restricted',
  erased = 'erased',
  merged = 'merged',
  left = 'left',
}
registerEnumType(SuppressionReason, { name: 'SuppressionReason', description: 'Why somebody is no longer of an audience.' })

@ObjectType({ simpleResolvers: true, description: 'Somebody who was handed out, perhaps, and may no longer be acted upon for that purpose.' })
export class SuppressedCustomer {
  @Field(() => ID) id!: string
  @Field(() => SuppressionReason) suppressed!: CursorPage['suppressed'][number]['suppressed']
}

@ObjectType({ simpleResolvers: true })
export class AudiencePage {
  @Field(() => [Customer]) people!: Customer[]
  @Field(() => [SuppressedCustomer]) suppressed!: SuppressedCustomer[]
  @Field(() => String, { description: 'For `after`; when the page is complete, for `since` the next time.' }) cursor!: string
  @Field(() => Boolean) complete!: boolean
}

export interface AudienceOperation extends Reading {
  readonly parts: { readonly audiences: Pick<Audiences, 'page'> }
}

@Resolver()
export class AudienceResolver {
  @Query(() => AudiencePage, {
    description: 'The people of a segment for one purpose, as that purpose shows them, or what changed since. A page may hold fewer than asked for.',
  })
  audience(
    @Arg('segment', () => ID) segment: string,
    @Arg('purpose', () => ID) purpose: string,
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null | undefined,
    @Arg('since', () => String, { nullable: true }) since: string | null | undefined,
    @Ctx() operation: AudienceOperation,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CursorPage> {
    const site = operation.plan.siteOf(info.fieldNodes)
    const fields = site.fields.map(({ coordinate }) => coordinate).sort()
    return operation.parts.audiences.page(operation, site, { segment, purpose, fields, after: after ?? null, since: since ?? null }, first ?? 50)
  }
}
