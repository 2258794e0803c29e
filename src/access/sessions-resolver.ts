import { Arg, Ctx, Directive, Field, FieldResolver, ID, Mutation, ObjectType, registerEnumType, Resolver, Root } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import { tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { Alert } from '../storage/customers.ts'

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'A browser that the customer has signed in with; it is known again by a cookie.' })
export class Device {
  @Field(() => ID) id!: string
  @Field(() => String, { description: 'What it says it is, such as "Firefox on Linux".' }) agent!: string
  @Field(() => String, { nullable: true, description: 'Roughly where it was last: region and country.' }) place!: string | null
  @Field(() => Date) firstAt!: Date
  @Field(() => Date, { description: 'The last sign-in with it.' }) lastAt!: Date
  @Field(() => Boolean, { description: 'Whether the access token came from it.' }) current!: boolean
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'A browser in which the customer is signed in.' })
export class Session {
  @Field(() => ID) id!: string
  @Field(() => Date) signedInAt!: Date
  @Field(() => [ID], { description: 'Those that it was used for.' }) clients!: readonly string[]
  @Field(() => [String], { description: 'What those are called.' }) clientNames!: readonly string[]
  @Field(() => ID, { nullable: true, description: 'The provider that it began with.' }) provider!: string | null
  @Field(() => ID, { nullable: true, description: 'The way in that it began with: a provider, mail or passkey.' }) way!: string | null
  @Field(() => Device, { nullable: true, description: 'Null when the browser kept no cookie.' }) device!: Device | null
  @Field(() => Boolean, { description: 'Whether the access token came from it.' }) current!: boolean
}

enum AlertReason {
  notMe = 'notMe',
  tokenReuse = 'tokenReuse',
  providerEvent = 'providerEvent',
}
registerEnumType(AlertReason, {
  name: 'AlertReason',
  description: 'notMe: a sign-in was reported; tokenReuse: a token was used twice; providerEvent: a provider told of it.',
})

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'Somebody else may have been in the account: the next sign-in takes more than a way in.' })
export class AccountAlert {
  @Field(() => Date) since!: Date
  @Field(() => AlertReason) why!: Alert['why']
}

/** The browsers in which a customer is signed in. */
export interface SessionsDoor {
  /** Newest first. */
  list(caller: Caller, customer: CustomerKey): Promise<readonly Session[]>
  /** With everything that its clients got through it. For the person alone. FORBIDDEN, BAD_USER_INPUT for an id that is not the customer's. */
  end(caller: Caller, id: string): Promise<void>
  /** The one that the token came from first, then by latest use. */
  devices(caller: Caller, customer: CustomerKey): Promise<readonly Device[]>
  alert(customer: CustomerKey): Promise<AccountAlert | null>
  /** Its sessions end, and it will be new again. For the person alone. FORBIDDEN, BAD_USER_INPUT for an id that is not the customer's. */
  forget(caller: Caller, id: string): Promise<void>
}

export interface SessionsOperation {
  readonly caller: Caller | null
  readonly parts: { readonly sessions: SessionsDoor }
}

@Resolver(() => Customer)
export class SessionsResolver {
  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [Session], { nullable: true, description: 'Browsers in which the customer is signed in. For the person only.' })
  async sessions(@Root() view: CustomerView, @Ctx() operation: SessionsOperation): Promise<readonly Session[] | null> {
    if (!view.open.has('sessions')) return null
    return operation.parts.sessions.list(tokenOf(operation.caller), view.key)
  }

  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [Device], { nullable: true, description: 'Browsers that the customer has signed in with. For the person only.' })
  async devices(@Root() view: CustomerView, @Ctx() operation: SessionsOperation): Promise<readonly Device[] | null> {
    if (!view.open.has('devices')) return null
    return operation.parts.sessions.devices(tokenOf(operation.caller), view.key)
  }

  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => AccountAlert, { nullable: true, description: 'Until a factor was proved. For the person only.' })
  async alert(@Root() view: CustomerView, @Ctx() operation: SessionsOperation): Promise<AccountAlert | null> {
    return view.open.has('alert') ? operation.parts.sessions.alert(view.key) : null
  }

  @Mutation(() => Boolean, { description: 'Takes a browser off the list of devices and signs it out. For the person only.' })
  async forgetDevice(@Arg('id', () => ID) id: string, @Ctx() operation: SessionsOperation): Promise<boolean> {
    await operation.parts.sessions.forget(tokenOf(operation.caller), id)
    return true
  }

  @Mutation(() => Boolean, { description: 'Signs one browser out: what its clients got through it ends too. For the person only.' })
  async endSession(@Arg('id', () => ID) id: string, @Ctx() operation: SessionsOperation): Promise<boolean> {
    await operation.parts.sessions.end(tokenOf(operation.caller), id)
    return true
  }
}
