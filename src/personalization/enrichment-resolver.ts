import { Arg, Ctx, Directive, Field, FieldResolver, Float, ID, Mutation, ObjectType, Query, Resolver, Root } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import { tokenOf, type Caller, type CustomerKey, type RequestFacts } from '../operation.ts'
import type { FieldSource as Source } from './sources.ts'
import type { Interest } from './switch-interest.ts'

@Directive('@notPersonal')
@ObjectType({
  simpleResolvers: true,
  description: 'Answered by updateProfile (field) or setConsents (consentTo), left by dismissQuestion. Nothing may wait for an answer.',
})
export class NextQuestion {
  @Field(() => ID) id!: string
  @Field(() => String, { nullable: true, description: 'The field of UpdateProfileInput that an answer fills, such as birthYear or traits.clothingSize.' })
  field!: string | null
  @Field(() => ID, { nullable: true, description: 'The purpose that a yes would be for.' }) consentTo!: string | null
  @Field(() => String, { nullable: true, description: 'Goes with a yes.' }) textVersion!: string | null
  @Field(() => [String], { description: 'The only answers there are; empty where one may say anything.' }) choices!: readonly string[]
  @Field(() => Boolean, { description: 'Whether there may be several answers.' }) list!: boolean
  @Field(() => String) question!: string
  @Field(() => String) why!: string
  @Field(() => String, { description: 'What the customer gets for an answer.' }) gives!: string
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'Who said what stands in a field, and how far it is to be relied on.' })
export class FieldSource {
  @Field(() => String, { description: 'Such as birthYear or traits.clothingSize.' }) field!: string
  @Field(() => ID, { description: 'customer for their own word, else the provider that told.' }) from!: string
  @Field(() => Date) at!: Date
  @Field(() => Float, { description: 'From 0 to 1.' }) confidence!: number
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class SwitchedOffInterest {
  @Field(() => ID) kind!: string
  @Field(() => String) name!: string
}

/** What GraphQL asks about a profile that grows by need. */
export interface EnrichmentDoor {
  /** Null: there is nothing worth asking. Being asked counts, answered or not. UNAUTHENTICATED FORBIDDEN */
  next(caller: Caller | null, purpose: string, locale: string | null): Promise<NextQuestion | null>
  /** BAD_USER_INPUT for an unknown question, or one for a purpose that is not in the token. */
  dismiss(caller: Caller | null, id: string): Promise<void>
  switchInterest(caller: Caller | null, interest: Interest, off: boolean): Promise<void>
  sources(caller: Caller, customer: CustomerKey): Promise<readonly Source[]>
  interestsOff(customer: CustomerKey): Promise<readonly Interest[]>
}

interface EnrichmentOperation {
  readonly caller: Caller | null
  readonly request: RequestFacts
  readonly parts: { readonly enrichment: EnrichmentDoor }
}

@Resolver(() => Customer)
export class EnrichmentResolver {
  @Query(() => NextQuestion, {
    nullable: true,
    description:
      'The one thing worth asking the signed-in customer now, for a purpose of the token. Asking counts: the same thing is not given again within its pause, nor another one on the same day.',
  })
  nextQuestion(
    @Arg('purpose', () => ID) purpose: string,
    @Arg('locale', () => String, { nullable: true }) locale: string | null | undefined,
    @Ctx() operation: EnrichmentOperation,
  ): Promise<NextQuestion | null> {
    return operation.parts.enrichment.next(operation.caller, purpose, locale ?? operation.request.locale)
  }

  @Mutation(() => Boolean, { description: 'The customer would rather not say: the pause begins anew.' })
  async dismissQuestion(@Arg('id', () => ID) id: string, @Ctx() operation: EnrichmentOperation): Promise<boolean> {
    await operation.parts.enrichment.dismiss(operation.caller, id)
    return true
  }

  @Mutation(() => Boolean, {
    description: '"Not me": forgets an inferred interest and does not infer it again while it is off. BAD_USER_INPUT for a kind that the policy does not have.',
  })
  async switchInterest(
    @Arg('kind', () => ID) kind: string,
    @Arg('name', () => String) name: string,
    @Arg('off', () => Boolean) off: boolean,
    @Ctx() operation: EnrichmentOperation,
  ): Promise<boolean> {
    await operation.parts.enrichment.switchInterest(operation.caller, { kind, name }, off)
    return true
  }

  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [FieldSource], { nullable: true, description: 'Of the fields that the caller may read. For the person only.' })
  async sources(@Root() view: CustomerView, @Ctx() operation: EnrichmentOperation): Promise<readonly Source[] | null> {
    return view.open.has('sources') ? operation.parts.enrichment.sources(tokenOf(operation.caller), view.key) : null
  }

  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [SwitchedOffInterest], { nullable: true, description: 'What is not inferred, as the customer said. For the person only.' })
  async interestsOff(@Root() view: CustomerView, @Ctx() operation: EnrichmentOperation): Promise<readonly Interest[] | null> {
    return view.open.has('interestsOff') ? operation.parts.enrichment.interestsOff(view.key) : null
  }
}
