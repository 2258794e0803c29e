import { Arg, Ctx, Field, ID, InputType, Mutation, ObjectType, Resolver } from 'type-graphql'
import { tokenOf, type Caller } from '../operation.ts'

@ObjectType({ simpleResolvers: true, description: 'A person as an operator is shown them, after the reason was recorded.' })
export class FoundCustomer {
  @Field(() => ID, { description: "As the caller's client knows the customer." }) id!: string
  @Field(() => Date) since!: Date
  @Field(() => String, { nullable: true }) email!: string | null
  @Field(() => String, { nullable: true }) givenName!: string | null
  @Field(() => String, { nullable: true }) familyName!: string | null
  @Field(() => String, { nullable: true }) locale!: string | null
  @Field(() => Boolean, { description: 'Whether the person has restricted the processing of their data.' }) restricted!: boolean
  @Field(() => [ID], { description: 'Which providers they sign in with.' }) providers!: readonly string[]
}

@InputType({ description: 'Either the id or a proven address.' })
export class LookUpInput {
  @Field(() => ID, { nullable: true }) customerId?: string | null
  @Field(() => String, { nullable: true }) email?: string | null
  @Field(() => String, { description: 'Why, in 10 to 200 characters that do not name the person: they will read it, and it stays in the log.' }) reason!: string
}

@ObjectType({ simpleResolvers: true, description: 'A value that a law or a contract keeps of somebody who was erased.' })
export class HeldValue {
  @Field(() => String, { description: 'Such as `email` or `traits.clothingSize`.' }) field!: string
  @Field(() => String) value!: string
}

@InputType()
export class HeldLookUpInput {
  @Field(() => ID, { description: "As the caller's client knew the customer." }) customerId!: string
  @Field(() => ID, { description: 'The purpose that keeps it: the receipt of the erasure names it.' }) purpose!: string
  @Field(() => String, { description: 'Why, in 10 to 200 characters that do not name the person: it stays in the log.' }) reason!: string
}

/** For operators with the scope `privacy:handle`; FORBIDDEN for all others. Null when nobody, or nothing, is found. BAD_USER_INPUT */
export interface LookUpDoor {
  lookUp(caller: Caller, input: LookUpInput): Promise<FoundCustomer | null>
  held(caller: Caller, input: HeldLookUpInput): Promise<HeldValue[] | null>
}

interface LookUpOperation {
  readonly caller: Caller | null
  readonly parts: { readonly lookUp: LookUpDoor }
}

@Resolver()
export class LookUpResolver {
  @Mutation(() => FoundCustomer, { nullable: true, description: 'For operators with the role privacy:handle. The person is told who looked and why.' })
  async lookUpCustomer(@Arg('input', () => LookUpInput) input: LookUpInput, @Ctx() { caller, parts }: LookUpOperation): Promise<FoundCustomer | null> {
    return parts.lookUp.lookUp(tokenOf(caller), input)
  }

  @Mutation(() => [HeldValue], {
    nullable: true,
    description: 'What is kept of an erased customer for one purpose. For operators with the role privacy:handle; who looked and why is recorded first.',
  })
  async lookUpHeldData(@Arg('input', () => HeldLookUpInput) input: HeldLookUpInput, @Ctx() { caller, parts }: LookUpOperation): Promise<HeldValue[] | null> {
    return parts.lookUp.held(tokenOf(caller), input)
  }
}
