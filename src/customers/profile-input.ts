import { GraphQLScalarType } from 'graphql'
import { Field, InputType, Int } from 'type-graphql'
import type { TraitValue } from '../storage/customers.ts'

/** Stands for the input type made from the policy's attributes, which takes its place when the schema is built. */
export const TraitsInputPlaceholder = new GraphQLScalarType({ name: 'TraitsInput' })

@InputType({ description: 'What is left out stays as it is; null clears, where the caller may read the field.' })
export class UpdateProfileInput {
  @Field(() => String, { nullable: true }) email?: string | null
  @Field(() => String, { nullable: true }) givenName?: string | null
  @Field(() => String, { nullable: true }) familyName?: string | null
  @Field(() => Int, { nullable: true }) birthYear?: number | null
  @Field(() => String, { nullable: true }) postcode?: string | null
  @Field(() => String, { nullable: true, description: 'ISO 3166-1, two letters.' }) country?: string | null
  @Field(() => String, { nullable: true, description: 'BCP 47.' }) locale?: string | null
  @Field(() => TraitsInputPlaceholder, { nullable: true }) traits?: Readonly<Record<string, TraitValue | null>> | null
}
