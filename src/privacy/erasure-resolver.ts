import { Arg, Ctx, Directive, Field, FieldResolver, ID, Mutation, ObjectType, Query, Resolver, Root } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import type { CustomerOperation } from '../customers/resolver.ts'
import { EntenteError } from '../errors.ts'
import { personOf, tokenOf, type Caller, type CustomerKey } from '../operation.ts'

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'What a duty keeps beyond an erasure, apart from everything else and for nothing else.' })
export class KeptData {
  @Field(() => ID) purpose!: string
  @Field(() => [String]) categories!: readonly string[]
  @Field(() => Date) until!: Date
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'Keep its id: after the erasure it is the only way back to this receipt.' })
export class ErasureReceipt {
  @Field(() => ID) id!: string
  @Field(() => Date) requestedAt!: Date
  @Field(() => Date, { description: 'Until then the person can take it back.' }) dueAt!: Date
  @Field(() => Date, { nullable: true, description: 'When the last store had been gone through; null while it waits or is under way.' })
  completedAt!: Date | null
  @Field(() => String, { nullable: true, description: 'A signed JWT of the type erasure-certificate+jwt, once it is completed.' }) certificate!: string | null
  @Field(() => [KeptData], { description: 'Named once the person is erased.' }) kept!: readonly KeptData[]
}

export interface ErasureDoor {
  /** STEP_UP_REQUIRED; FORBIDDEN outside the account centre */
  erase(caller: Caller): Promise<ErasureReceipt>
  /** BAD_USER_INPUT when nothing is waiting; FORBIDDEN outside the account centre */
  cancel(caller: Caller): Promise<void>
  /** Null for an unknown id. */
  receipt(id: string): Promise<ErasureReceipt | null>
  waitingFor(customer: CustomerKey): Promise<ErasureReceipt | null>
}

export interface ErasureOperation extends CustomerOperation {
  readonly parts: CustomerOperation['parts'] & { readonly erasures: ErasureDoor }
}

@Resolver(() => Customer)
export class ErasureResolver {
  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => ErasureReceipt, { nullable: true, description: 'The erasure that is waiting for its day. For the person only.' })
  async erasure(@Root() view: CustomerView, @Ctx() { parts }: ErasureOperation): Promise<ErasureReceipt | null> {
    return view.open.has('erasure') ? parts.erasures.waitingFor(view.key) : null
  }

  @Query(() => ErasureReceipt, { nullable: true, description: 'A receipt by its id, which only the person has. Public: nobody who is erased has a token.' })
  async erasureReceipt(@Arg('id', () => ID) id: string, @Ctx() { parts }: ErasureOperation): Promise<ErasureReceipt | null> {
    return parts.erasures.receipt(id)
  }

  @Mutation(() => ErasureReceipt, {
    description: 'Erases the signed-in customer: at once, or after the time that the policy gives to think again. For the account centre; asks for a step-up.',
  })
  async eraseMe(@Arg('confirm', () => Boolean) confirm: boolean, @Ctx() { caller, parts }: ErasureOperation): Promise<ErasureReceipt> {
    personOf(caller)
    if (!confirm) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'confirm' })
    return parts.erasures.erase(tokenOf(caller))
  }

  @Mutation(() => Boolean, { description: 'Takes an erasure back while it is waiting.' })
  async cancelErasure(@Ctx() { caller, parts }: ErasureOperation): Promise<boolean> {
    personOf(caller)
    await parts.erasures.cancel(tokenOf(caller))
    return true
  }
}
