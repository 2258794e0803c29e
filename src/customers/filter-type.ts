import { GraphQLScalarType } from 'graphql'
import { Field, InputType, Int } from 'type-graphql'

/** Stands for the input type made from the policy's attributes, which takes its place when the schema is built. */
export const TraitsFilterPlaceholder = new GraphQLScalarType({ name: 'TraitsFilter' })

@InputType({ description: 'All that is given must hold. startsWith is literal.' })
export class StringCondition {
  @Field(() => String, { nullable: true }) eq?: string | null;
  @Field(() => [String], { nullable: true }) in?: string[] | null
  @Field(() => String, { nullable: true }) startsWith?: string | null
}

@InputType({ description: 'All that is given must hold.' })
export class IntCondition {
  @Field(() => Int, { nullable: true }) eq?: number | null;
  @Field(() => [Int], { nullable: true }) in?: number[] | null
  @Field(() => Int, { nullable: true }) gte?: number | null
  @Field(() => Int, { nullable: true }) lte?: number | null
}

/** Of boolean attributes; the policy's types bring it along where there are any. */
export interface BooleanCondition {
  readonly eq?: boolean | null
}

export type Condition = StringCondition | IntCondition | BooleanCondition

@InputType({
  description:
    'A condition on a field matches only customers whose field this caller may read, in the form it may read; so does its negation. On a list a condition holds when an element fulfils it.',
})
export class CustomerFilter {
  @Field(() => [CustomerFilter], { nullable: true }) and?: CustomerFilter[] | null
  @Field(() => [CustomerFilter], { nullable: true }) or?: CustomerFilter[] | null
  @Field(() => CustomerFilter, { nullable: true }) not?: CustomerFilter | null
  @Field(() => StringCondition, { nullable: true }) email?: StringCondition | null
  @Field(() => StringCondition, { nullable: true }) givenName?: StringCondition | null
  @Field(() => StringCondition, { nullable: true }) familyName?: StringCondition | null
  @Field(() => IntCondition, { nullable: true }) birthYear?: IntCondition | null
  @Field(() => StringCondition, { nullable: true }) postcode?: StringCondition | null
  @Field(() => StringCondition, { nullable: true }) country?: StringCondition | null
  @Field(() => StringCondition, { nullable: true }) locale?: StringCondition | null
  @Field(() => TraitsFilterPlaceholder, { nullable: true }) traits?: Readonly<Record<string, Condition>> | null
}
