import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Ctx, Directive, Field, FieldResolver, ID, Info, Mutation, ObjectType, Resolver, Root } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import type { CustomerOperation } from '../customers/resolver.ts'
import { personOf, tokenOf, type Caller, type CustomerKey } from '../operation.ts'

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'Another account of the person that became part of this one.' })
export class Merge {
  @Field(() => ID, { description: 'For undoMerge.' }) id!: string
  @Field(() => Date) mergedAt!: Date
  @Field(() => Date, { description: 'Until then it can be undone, the last merge first.' }) undoUntil!: Date
}

/** Making one customer of two, and two of one again. */
export interface MergeDoor {
  /** BAD_USER_INPUT FORBIDDEN STEP_UP_REQUIRED */
  merge(caller: Caller, proof: string): Promise<void>
  /** For the person, or an operator with the scope `privacy:handle`. BAD_USER_INPUT FORBIDDEN STEP_UP_REQUIRED LAST_IDENTITY */
  undo(caller: Caller, id: string): Promise<void>
  /** Those that can be undone, oldest first. */
  of(customer: CustomerKey): Promise<readonly Merge[]>
}

export interface MergeOperation extends CustomerOperation {
  readonly parts: CustomerOperation['parts'] & { readonly merges: MergeDoor }
}

@Resolver(() => Customer)
export class MergeResolver {
  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [Merge], { nullable: true, description: 'Accounts that became part of this one, while that can be undone. For the person only.' })
  async merges(@Root() view: CustomerView, @Ctx() operation: MergeOperation): Promise<readonly Merge[] | null> {
    return view.open.has('merges') ? operation.parts.merges.of(view.key) : null
  }

  @Mutation(() => Customer, {
    description:
      'Makes one customer of two. The proof comes with IDENTITY_TAKEN, when a login that is added belongs to another customer. Of two decisions the narrower one stays. Can be undone for 30 days; all sessions of both end.',
  })
  async mergeCustomer(
    @Arg('proof', () => String) proof: string,
    @Ctx() operation: MergeOperation,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CustomerView | null> {
    personOf(operation.caller)
    await operation.parts.merges.merge(tokenOf(operation.caller), proof)
    return operation.parts.customers.reads.me(operation, info.fieldNodes, 'ended just now')
  }

  @Mutation(() => Boolean, {
    description: 'Takes the last merge apart: each gets back what it had, and what was decided since. All sessions of both end.',
  })
  async undoMerge(@Arg('id', () => ID) id: string, @Ctx() operation: MergeOperation): Promise<boolean> {
    await operation.parts.merges.undo(tokenOf(operation.caller), id)
    return true
  }
}
