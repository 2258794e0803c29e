import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Ctx, Directive, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql'
import { AccessLogConnection, type AuditDoor } from '../audit/resolver.ts'
import type { CustomerView } from '../consent/view.ts'
import { tokenOf, type Caller } from '../operation.ts'
import { CustomerConnection } from './connection.ts'
import { Customer, CustomerSeen } from './customer-type.ts'
import { CustomerFilter } from './filter-type.ts'
import type { CustomerLists, CustomerPage } from './lists.ts'
import { UpdateProfileInput } from './profile-input.ts'
import type { CustomerReads, Reading } from './reads.ts'
import type { Seen, SeenBy } from './seen-by.ts'

export interface CustomerDoor {
  readonly reads: CustomerReads
  readonly list: CustomerLists
  readonly seenBy: SeenBy
  readonly updateProfile: (caller: Caller | null, input: UpdateProfileInput) => Promise<void>
}

export interface CustomerOperation extends Reading {
  readonly parts: { readonly customers: CustomerDoor; readonly audit: AuditDoor }
}

@Resolver(() => Customer)
export class CustomerResolver {
  @Query(() => Customer, { nullable: true, description: 'The customer whom the access token stands for.' })
  me(@Ctx() operation: CustomerOperation, @Info() info: GraphQLResolveInfo): Promise<CustomerView | null> {
    return operation.parts.customers.reads.me(operation, info.fieldNodes)
  }

  @Query(() => Customer, {
    nullable: true,
    description: 'One customer, for a client that acts for a purpose of its own. Null alike for unknown and for not processable.',
  })
  customer(@Arg('id', () => ID) id: string, @Ctx() operation: CustomerOperation, @Info() info: GraphQLResolveInfo): Promise<CustomerView | null> {
    return operation.parts.customers.reads.one(operation, id, info.fieldNodes)
  }

  @Query(() => CustomerConnection, {
    description: 'Customers whom the client may process for at least one of its purposes; no other is listed, counted or sorted by.',
  })
  customers(
    @Arg('filter', () => CustomerFilter, { nullable: true }) filter: CustomerFilter | null | undefined,
    @Arg('segment', () => ID, { nullable: true }) segment: string | null | undefined,
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null | undefined,
    @Ctx() operation: CustomerOperation,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CustomerPage> {
    return operation.parts.customers.list(
      operation,
      { filter: filter ?? null, segment: segment ?? null, first: first ?? 50, after: after ?? null },
      info.fieldNodes,
    )
  }

  @Mutation(() => Customer)
  async updateProfile(
    @Arg('input', () => UpdateProfileInput) input: UpdateProfileInput,
    @Ctx() operation: CustomerOperation,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CustomerView | null> {
    await operation.parts.customers.updateProfile(operation.caller, input)
    return operation.parts.customers.reads.me(operation, info.fieldNodes)
  }

  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => AccessLogConnection, { nullable: true, description: 'Who read which categories, for what, when. For the person only.' })
  async accessLog(
    @Root() view: CustomerView,
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null | undefined,
    @Ctx() operation: CustomerOperation,
  ): Promise<AccessLogConnection | null> {
    if (!view.open.has('accessLog')) return null
    return operation.parts.audit.accessLog(tokenOf(operation.caller), view.key, { first: first ?? 50, after: after ?? null })
  }

  @Directive('@personalData(category: "user.privacy_preferences")')
  @FieldResolver(() => CustomerSeen, { nullable: true, description: 'What that client would get right now. For the person only.' })
  async seenBy(
    @Root() view: CustomerView,
    @Arg('clientId', () => ID) clientId: string,
    @Ctx() operation: CustomerOperation,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Seen | null> {
    if (!view.open.has('seenBy')) return null
    return operation.parts.customers.seenBy(operation, clientId, info.fieldNodes)
  }
}
