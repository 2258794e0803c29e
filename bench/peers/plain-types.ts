import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Query, Resolver } from 'type-graphql'
import type { PlainStore } from './plain-store.ts'

/** Who asks: the token's client, the person if there is one, and its scope. */
export interface Asking {
  readonly person: string | null
  readonly scope: string
  readonly store: PlainStore
}

@ObjectType({ simpleResolvers: true })
export class Consent {
  @Field(() => ID) purpose!: string
  @Field(() => String) state!: string
  @Field(() => String, { nullable: true }) textVersion!: string | null
  @Field(() => Date, { nullable: true }) decidedAt!: Date | null
  @Field(() => Date, { nullable: true }) expiresAt!: Date | null
}

@ObjectType({ simpleResolvers: true })
class Traits {
  @Field(() => String, { nullable: true }) clothingSize?: string
  @Field(() => [String], { nullable: true }) favouriteColours?: string[]
  @Field(() => String, { nullable: true }) newsletterRhythm?: string
}

@ObjectType({ simpleResolvers: true })
export class Customer {
  @Field(() => ID) id!: string
  @Field(() => String, { nullable: true }) email?: string
  @Field(() => String, { nullable: true }) givenName?: string
  @Field(() => String, { nullable: true }) familyName?: string
  @Field(() => Int, { nullable: true }) birthYear?: number
  @Field(() => String, { nullable: true }) postcode?: string
  @Field(() => String, { nullable: true }) country?: string
  @Field(() => String, { nullable: true }) locale?: string
  @Field(() => Traits, { nullable: true }) traits?: Traits
  @Field(() => [Consent], { nullable: true }) consents?: Consent[]
}

@ObjectType({ simpleResolvers: true })
class CustomerEdge {
  @Field(() => Customer) node!: Customer
}

@ObjectType({ simpleResolvers: true })
class CustomerConnection {
  @Field(() => [CustomerEdge]) edges!: readonly CustomerEdge[]
}

@ObjectType({ simpleResolvers: true })
export class LogEntry {
  @Field(() => ID) id!: string
  @Field(() => Date) at!: Date
  @Field(() => String) type!: string
  @Field(() => ID, { nullable: true }) clientId!: string | null
  @Field(() => String) actor!: string
  @Field(() => [ID]) purposes!: readonly string[]
  @Field(() => [String]) categories!: readonly string[]
}

@ObjectType({ simpleResolvers: true })
class LogEdge {
  @Field(() => LogEntry) node!: LogEntry
}

@ObjectType({ simpleResolvers: true })
class LogConnection {
  @Field(() => [LogEdge]) edges!: readonly LogEdge[]
}

@ObjectType({ simpleResolvers: true })
export class Deletion {
  @Field(() => ID) id!: string
  @Field(() => Date) requestedAt!: Date
  @Field(() => Date, { nullable: true }) completedAt!: Date | null
  @Field(() => String, { nullable: true }) certificate!: string | null
}

@ObjectType({ simpleResolvers: true })
class Decided {
  @Field(() => Date) decidedAt!: Date
  @Field(() => [Consent]) consents!: readonly Consent[]
}

@InputType()
export class UpdateProfileInput {
  @Field(() => String, { nullable: true }) postcode?: string | null
  @Field(() => String, { nullable: true }) country?: string | null
}

@InputType()
export class ConsentDecisionInput {
  @Field(() => ID) purpose!: string
  @Field(() => Boolean) granted!: boolean
  @Field(() => String, { nullable: true }) textVersion?: string | null
}

const signedIn = ({ person }: Asking): string => {
  if (person === null) throw new Error('nobody is signed in')
  return person
}

@Resolver()
export class PlainResolver {
  @Query(() => Customer, { nullable: true })
  me(@Ctx() asking: Asking): Promise<Customer | null> {
    return asking.store.customer(signedIn(asking))
  }

  @Query(() => Customer, { nullable: true })
  customer(@Arg('id', () => ID) id: string, @Ctx() { store }: Asking): Promise<Customer | null> {
    return store.customer(id)
  }

  @Query(() => CustomerConnection)
  async customers(@Arg('first', () => Int) first: number, @Ctx() { store, scope }: Asking): Promise<CustomerConnection> {
    return { edges: (await store.agreeing(scope.replace('purpose:', ''), first)).map((node) => ({ node })) }
  }

  @Query(() => LogConnection)
  async auditEvents(@Arg('first', () => Int) first: number, @Ctx() { store }: Asking): Promise<LogConnection> {
    return { edges: (await store.log(first)).map((node) => ({ node })) }
  }

  @Query(() => Deletion, { nullable: true })
  erasureReceipt(@Arg('id', () => ID) id: string, @Ctx() { store }: Asking): Promise<Deletion | null> {
    return store.deletion(id)
  }

  @Mutation(() => Customer, { nullable: true })
  updateProfile(@Arg('input', () => UpdateProfileInput) input: UpdateProfileInput, @Ctx() asking: Asking): Promise<Customer | null> {
    return asking.store.update(signedIn(asking), input)
  }

  @Mutation(() => Decided)
  setConsents(@Arg('decisions', () => [ConsentDecisionInput]) decisions: ConsentDecisionInput[], @Ctx() asking: Asking): Promise<Decided> {
    return asking.store.decide(signedIn(asking), decisions)
  }
}
