import { Arg, Ctx, Directive, Field, FieldResolver, ID, InputType, Mutation, ObjectType, Query, registerEnumType, Resolver, Root } from 'type-graphql'
import type { DataForm, LegalBasis } from '../config/policy.ts'
import type { Caller, RequestFacts } from '../operation.ts'
import type { DecisionInput } from './choices.ts'
import type { Consent as ConsentFact, ConsentState } from './decisions.ts'
import type { FieldAccess as FieldAccessFact, Receipt } from './receipt.ts'
import type { SignedReceipt } from './set-decisions.ts'
import type { ConsentSignal as ConsentSignalFact } from './signals.ts'
import type { PurposeInWords } from './texts.ts'

const enumOf = <Name extends string>(...names: Name[]) => Object.fromEntries(names.map((name) => [name, name]))

const LegalBasisEnum = enumOf<LegalBasis>('CONSENT', 'CONTRACT', 'LEGAL_OBLIGATION', 'LEGITIMATE_INTEREST')
registerEnumType(LegalBasisEnum, { name: 'LegalBasis' })
const DataFormEnum = enumOf<DataForm>('FULL', 'BAND', 'REGION', 'HASH', 'PRESENCE')
registerEnumType(DataFormEnum, {
  name: 'DataForm',
  description: 'How much of a value is shown: all, its decade, its region, its SHA-256, or that there is one.',
})
const ConsentStateEnum = enumOf<ConsentState>('NOT_ASKED', 'GRANTED', 'REFUSED', 'WITHDRAWN', 'OBJECTED', 'PENDING', 'OUTDATED', 'EXPIRED')
registerEnumType(ConsentStateEnum, { name: 'ConsentState' })

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'What is in force for one purpose.' })
export class Consent implements ConsentFact {
  @Field(() => ID) readonly purpose!: string
  @Field(() => ConsentStateEnum) readonly state!: ConsentState
  @Field(() => LegalBasisEnum) readonly legalBasis!: LegalBasis
  @Field(() => String, { nullable: true }) readonly textVersion!: string | null
  @Field(() => Date, { nullable: true }) readonly decidedAt!: Date | null
  @Field(() => Date, { nullable: true }) readonly expiresAt!: Date | null
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'A field that a client may read, and in which form.' })
export class FieldAccess implements FieldAccessFact {
  @Field(() => ID) readonly clientId!: string
  @Field(() => String) readonly field!: string
  @Field(() => DataFormEnum) readonly form!: DataForm
}

@ObjectType({ simpleResolvers: true })
export class PurposeCategory {
  @Field(() => String, { description: 'Fideslang category; it includes what lies below it.' }) readonly category!: string
  @Field(() => DataFormEnum) readonly form!: DataForm
}

@ObjectType({ simpleResolvers: true, description: 'What personal data is used for.' })
export class Purpose implements PurposeInWords {
  @Field(() => ID) readonly id!: string
  @Field(() => String) readonly title!: string
  @Field(() => String) readonly text!: string
  @Field(() => String, { description: 'Named by a grant, so that it is clear what was agreed to.' }) readonly textVersion!: string
  @Field(() => LegalBasisEnum) readonly legalBasis!: LegalBasis
  @Field(() => [PurposeCategory]) readonly categories!: PurposeCategory[]
  @Field(() => [ID]) readonly clients!: string[]
}

@ObjectType({ simpleResolvers: true, description: 'Proof of a decision, and what it changed.' })
export class ConsentReceipt implements Receipt {
  @Field(() => ID) readonly id!: string
  @Field(() => Date) readonly decidedAt!: Date
  @Field(() => [Consent]) readonly consents!: readonly Consent[]
  @Field(() => [FieldAccess], { description: 'What clients may read from now on.' }) readonly opened!: readonly FieldAccess[]
  @Field(() => [FieldAccess], { description: 'What clients may no longer read.' }) readonly closed!: readonly FieldAccess[]
  @Field(() => String, { description: 'The receipt, signed with a key of /oidc/jwks.' }) readonly jwt!: string
  @Field(() => String, { description: 'The same as JSON-LD, in terms of the DPV (ISO/IEC TS 27560).' }) readonly jsonld!: string
}

/** What costs something and is worked out only for those who select it. */
@Resolver(() => ConsentReceipt)
export class ConsentReceiptResolver {
  @FieldResolver()
  jwt(@Root() receipt: SignedReceipt): Promise<string> {
    return receipt.jwt()
  }

  @FieldResolver()
  jsonld(@Root() receipt: SignedReceipt): string {
    return receipt.jsonld()
  }
}

@ObjectType({ simpleResolvers: true, description: 'One state of Google Consent Mode v2.' })
export class ConsentSignal implements ConsentSignalFact {
  @Field(() => String, { description: '`ad_storage`, `ad_user_data`, `ad_personalization`, `analytics_storage` …' }) readonly type!: ConsentSignalFact['type']
  @Field(() => String, { description: '`granted` or `denied`.' }) readonly state!: ConsentSignalFact['state']
}

@InputType()
export class ConsentDecisionInput implements DecisionInput {
  @Field(() => ID) readonly purpose!: string
  @Field(() => Boolean) readonly granted!: boolean
  @Field(() => String, { nullable: true, description: 'A grant names the version that was shown.' }) readonly textVersion?: string | null
}

/** What the fields below call; `consent/door.ts` builds it. `wanted` is a language tag or an Accept-Language header. */
export interface ConsentDoor {
  readonly purposes: (wanted: string | null) => PurposeInWords[]
  readonly decide: (
    caller: Caller | null,
    request: { readonly decisions: readonly DecisionInput[]; readonly idempotencyKey: string | null; readonly wanted: string | null },
  ) => Promise<SignedReceipt>
  readonly signals: (caller: Caller | null, clientId: string | null) => Promise<ConsentSignalFact[]>
  readonly importTcf: (caller: Caller | null, tcString: string) => Promise<SignedReceipt | null>
}

/** The part of an operation that is needed here. */
interface Operation {
  readonly caller: Caller | null
  readonly request: RequestFacts
  readonly parts: { readonly consents: ConsentDoor }
}

@Resolver()
export class ConsentResolver {
  @Query(() => [Purpose], { description: "What is asked for, why, on which legal basis, in the reader's language. Public." })
  purposes(@Arg('locale', () => String, { nullable: true }) locale: string | null, @Ctx() { parts, request }: Operation): PurposeInWords[] {
    return parts.consents.purposes(locale ?? request.locale)
  }

  @Query(() => [ConsentSignal], {
    description:
      "What tags on a shop's page may do with the signed-in customer, for `gtag('consent', 'update', …)`. For the client of the token, by the purposes in it.",
  })
  consentSignals(
    @Arg('clientId', () => ID, { nullable: true, description: 'Another client: for the person alone.' }) clientId: string | null,
    @Ctx() { caller, parts }: Operation,
  ): Promise<ConsentSignalFact[]> {
    return parts.consents.signals(caller, clientId ?? null)
  }

  @Mutation(() => ConsentReceipt, {
    nullable: true,
    description:
      'Takes over what an IAB TC string (v2.2, v2.3) says of the purposes that the policy maps, with the string as evidence. The narrower wins, later decisions stand. Null: it says nothing new.',
  })
  importTcf(@Arg('tcString', () => String) tcString: string, @Ctx() { caller, parts }: Operation): Promise<SignedReceipt | null> {
    return parts.consents.importTcf(caller, tcString)
  }

  @Mutation(() => ConsentReceipt, { description: 'Records decisions of the signed-in customer: all of them or none. In force for the next read.' })
  setConsents(
    @Arg('decisions', () => [ConsentDecisionInput]) decisions: ConsentDecisionInput[],
    @Arg('idempotencyKey', () => String, { nullable: true }) idempotencyKey: string | null,
    @Arg('locale', () => String, { nullable: true, description: 'Of the texts that were shown; without it, the language that the request asks for.' })
    locale: string | null,
    @Ctx() { caller, parts, request }: Operation,
  ): Promise<SignedReceipt> {
    return parts.consents.decide(caller, { decisions, idempotencyKey: idempotencyKey ?? null, wanted: locale ?? request.locale })
  }
}
