import { Arg, Ctx, Directive, Field, FieldResolver, ID, InputType, Int, Mutation, ObjectType, registerEnumType, Resolver, Root } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import { tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { FactorSummary } from '../storage/customers.ts'
import type { TotpSecret } from './totp.ts'

enum FactorKind {
  passkey = 'passkey',
  totp = 'totp',
  recoveryCodes = 'recoveryCodes',
}
registerEnumType(FactorKind, { name: 'FactorKind', description: 'totp: an authenticator app (RFC 6238).' })

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'What the customer proves beside the way in.' })
export class Factor {
  @Field(() => ID) id!: string
  @Field(() => FactorKind) kind!: FactorSummary['kind']
  @Field(() => String, { nullable: true, description: 'What the customer calls a passkey.' }) name?: string | undefined
  @Field(() => Date) addedAt!: Date
  @Field(() => Date, { nullable: true }) lastUsedAt?: Date | undefined
  @Field(() => Int, { nullable: true, description: 'Recovery codes not used yet.' }) left?: number | undefined
}

@ObjectType({ simpleResolvers: true, description: 'For navigator.credentials: options is JSON (WebAuthn Level 3, 5.1). Counts five minutes, once.' })
export class PasskeyChallenge {
  @Field(() => String) handle!: string
  @Field(() => String) options!: string
}

@InputType()
export class NewPasskeyInput {
  @Field(() => String, { description: 'What the customer calls it.' }) name!: string
  @Field(() => String) handle!: string
  @Field(() => String, { description: 'The credential as JSON: PublicKeyCredential.toJSON().' }) response!: string
}

@ObjectType('TotpSecret', { simpleResolvers: true, description: 'For an authenticator app. Shown this once; no factor before a code of it was confirmed.' })
export class TotpSecretShown {
  @Field(() => String, { description: 'Base32.' }) secret!: string
  @Field(() => String, { description: 'otpauth://…' }) uri!: string
  @Field(() => String, { description: 'The uri as a QR code: SVG.' }) qr!: string
}

/** The person's second factors, for the account centre alone: FORBIDDEN elsewhere. */
export interface FactorsDoor {
  list(customer: CustomerKey): Promise<readonly Factor[]>
  /** STEP_UP_REQUIRED */
  startPasskey(caller: Caller): Promise<PasskeyChallenge>
  /** BAD_USER_INPUT */
  addPasskey(caller: Caller, passkey: NewPasskeyInput): Promise<void>
  /** STEP_UP_REQUIRED; BAD_USER_INPUT for who has an app already */
  startTotp(caller: Caller): Promise<TotpSecret>
  /** BAD_USER_INPUT */
  confirmTotp(caller: Caller, code: string): Promise<void>
  /** STEP_UP_REQUIRED; BAD_USER_INPUT without a factor that they could stand in for */
  newRecoveryCodes(caller: Caller): Promise<readonly string[]>
  /** STEP_UP_REQUIRED BAD_USER_INPUT LAST_IDENTITY */
  remove(caller: Caller, id: string): Promise<void>
}

export interface FactorsOperation {
  readonly caller: Caller | null
  readonly parts: { readonly factors: FactorsDoor }
}

@Resolver(() => Customer)
export class FactorsResolver {
  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [Factor], { nullable: true, description: 'For the person only.' })
  async factors(@Root() view: CustomerView, @Ctx() operation: FactorsOperation): Promise<readonly Factor[] | null> {
    return view.open.has('factors') ? operation.parts.factors.list(view.key) : null
  }

  @Mutation(() => PasskeyChallenge, { description: 'Begins to add a passkey.' })
  startPasskey(@Ctx() operation: FactorsOperation): Promise<PasskeyChallenge> {
    return operation.parts.factors.startPasskey(tokenOf(operation.caller))
  }

  @Mutation(() => Boolean)
  async addPasskey(@Arg('input', () => NewPasskeyInput) input: NewPasskeyInput, @Ctx() operation: FactorsOperation): Promise<boolean> {
    await operation.parts.factors.addPasskey(tokenOf(operation.caller), input)
    return true
  }

  @Mutation(() => TotpSecretShown, { description: 'Begins to add an authenticator app; confirmTotp ends it within ten minutes.' })
  startTotp(@Ctx() operation: FactorsOperation): Promise<TotpSecretShown> {
    return operation.parts.factors.startTotp(tokenOf(operation.caller))
  }

  @Mutation(() => Boolean)
  async confirmTotp(@Arg('code', () => String) code: string, @Ctx() operation: FactorsOperation): Promise<boolean> {
    await operation.parts.factors.confirmTotp(tokenOf(operation.caller), code)
    return true
  }

  @Mutation(() => [String], { description: 'Ten codes, each good for one time. Shown this once; those from before no longer count.' })
  newRecoveryCodes(@Ctx() operation: FactorsOperation): Promise<readonly string[]> {
    return operation.parts.factors.newRecoveryCodes(tokenOf(operation.caller))
  }

  @Mutation(() => Boolean, { description: 'Recovery codes go with the last factor that they stood in for.' })
  async removeFactor(@Arg('id', () => ID) id: string, @Ctx() operation: FactorsOperation): Promise<boolean> {
    await operation.parts.factors.remove(tokenOf(operation.caller), id)
    return true
  }
}
