import { GraphQLScalarType } from 'graphql'
import { Directive, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql'
import { Consent, FieldAccess } from '../consent/resolver.ts'
import type { IdentityState as State } from '../storage/identities.ts'

/** Stands for the type made from the policy's attributes, which takes its place when the schema is built. */
export const TraitsPlaceholder = new GraphQLScalarType({ name: 'Traits', description: "The shop's own attributes, as the policy file declares them." })

enum IdentityState {
  active = 'active',
  revoked = 'revoked',
  blocked = 'blocked',
  gone = 'gone',
}
registerEnumType(IdentityState, {
  name: 'IdentityState',
  description:
    'What its provider says: revoked opens the account again at the next sign-in with it, blocked not before the provider allows it, gone never again.',
})

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'One login at one provider.' })
export class Identity {
  @Field(() => ID) id!: string
  @Field(() => ID) provider!: string
  @Field(() => IdentityState) state!: State
  @Field(() => Date) linkedAt!: Date
  @Field(() => Date, { nullable: true }) lastUsedAt?: Date
  @Directive('@personalData(category: "user.contact.email")')
  @Field(() => String, { nullable: true, description: 'The address that the provider told.' })
  email?: string
}

/**
 * One person's profile as clients see it. Each field is classified: without that the schema does not build. Objects of this type are views
 * made by the gate, so what is missing here was not read.
 */
@Directive('@key(fields: "id")')
@ObjectType({ simpleResolvers: true, description: 'One person. A field is null where no purpose of the token allows it; extensions.withheld says why.' })
export class Customer {
  @Directive('@notPersonal')
  @Field(() => ID, { description: 'Stable for one client, not comparable between clients of different houses.' })
  id!: string

  @Directive('@personalData(category: "user.contact.email")')
  @Field(() => String, { nullable: true })
  email?: string

  @Directive('@personalData(category: "user.name")')
  @Field(() => String, { nullable: true })
  givenName?: string

  @Directive('@personalData(category: "user.name")')
  @Field(() => String, { nullable: true })
  familyName?: string

  @Directive('@personalData(category: "user.content.self_image")')
  @Field(() => String, { nullable: true })
  pictureUrl?: string

  @Directive('@personalData(category: "user.demographic")')
  @Field(() => Int, { nullable: true, description: 'In the band form the first year of the decade.' })
  birthYear?: number

  @Directive('@personalData(category: "user.contact.address.postal_code")')
  @Field(() => String, { nullable: true, description: 'In the region form the first two characters.' })
  postcode?: string

  @Directive('@personalData(category: "user.contact.address.country")')
  @Field(() => String, { nullable: true, description: 'ISO 3166-1, two letters.' })
  country?: string

  @Directive('@personalData(category: "user.demographic.language")')
  @Field(() => String, { nullable: true, description: 'BCP 47.' })
  locale?: string

  @Directive('@personalData(category: "user.account")')
  @Field(() => [Identity], { nullable: true })
  identities?: Identity[]

  @Directive('@personalData(category: "user.privacy_preferences")')
  @Field(() => [Consent], { nullable: true, description: "Decisions about the purposes in the caller's token." })
  consents?: Consent[]

  @Directive('@notPersonal')
  @Field(() => TraitsPlaceholder, { nullable: true })
  traits?: object
}

@Directive('@notPersonal')
@ObjectType('CustomerView', { simpleResolvers: true, description: 'What one client would get right now.' })
export class CustomerSeen {
  @Field(() => ID) clientId!: string
  @Field(() => Customer, { nullable: true, description: 'Null where that client may not process the person.' }) customer!: Customer | null
  @Field(() => [FieldAccess]) fields!: readonly FieldAccess[]
}
