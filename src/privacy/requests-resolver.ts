import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql'
import { tokenOf, type Caller } from '../operation.ts'

export enum PrivacyRequestKind {
  ACCESS = 'access',
  ERASURE = 'erasure',
}
registerEnumType(PrivacyRequestKind, { name: 'PrivacyRequestKind' })

export enum PrivacyRequestOutcome {
  DONE = 'done',
  REFUSED = 'refused',
}
registerEnumType(PrivacyRequestOutcome, { name: 'PrivacyRequestOutcome' })

@ObjectType({ simpleResolvers: true, description: 'What a person asked for outside the account centre.' })
export class PrivacyRequest {
  @Field(() => ID) id!: string
  @Field(() => PrivacyRequestKind) kind!: PrivacyRequestKind
  @Field(() => ID, { description: "As the caller's client knows the customer." }) customerId!: string
  @Field(() => String, { nullable: true, description: 'Null once the person is erased.' }) reason!: string | null
  @Field(() => Date) openedAt!: Date
  @Field(() => Date, { description: 'One month after it came (Art. 12(3) GDPR).' }) dueAt!: Date
  @Field(() => Boolean) overdue!: boolean
  @Field(() => Date, { nullable: true }) closedAt!: Date | null
  @Field(() => PrivacyRequestOutcome, { nullable: true }) outcome!: PrivacyRequestOutcome | null
}

@InputType()
export class OpenPrivacyRequestInput {
  @Field(() => PrivacyRequestKind) kind!: PrivacyRequestKind
  @Field(() => ID) customerId!: string
  @Field(() => String, { description: 'How it came, and how the person was recognised. Up to 500 characters; no more of the person than needed.' })
  reason!: string
}

/** For operators with the scope `privacy:handle`; FORBIDDEN for all others. */
export interface PrivacyRequestDoor {
  list(caller: Caller, open: boolean, first: number): Promise<readonly PrivacyRequest[]>
  /** BAD_USER_INPUT */
  open(caller: Caller, input: OpenPrivacyRequestInput): Promise<PrivacyRequest>
  /** BAD_USER_INPUT */
  close(
    caller: Caller,
    id: string,
    closing: { readonly outcome: PrivacyRequestOutcome; readonly answer: string | null; readonly confirm: boolean },
  ): Promise<PrivacyRequest>
}

interface RequestOperation {
  readonly caller: Caller | null
  readonly parts: { readonly requests: PrivacyRequestDoor }
}

@Resolver()
export class PrivacyRequestResolver {
  @Query(() => [PrivacyRequest], { description: 'Those that are due first. For clients with the scope privacy:handle.' })
  async privacyRequests(
    @Arg('open', () => Boolean, { nullable: true, defaultValue: true }) open: boolean | null,
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Ctx() { caller, parts }: RequestOperation,
  ): Promise<readonly PrivacyRequest[]> {
    return parts.requests.list(tokenOf(caller), open ?? true, first ?? 50)
  }

  @Mutation(() => PrivacyRequest, { description: 'Takes down what a person asked for by another way, once it is certain who it is.' })
  async openPrivacyRequest(
    @Arg('input', () => OpenPrivacyRequestInput) input: OpenPrivacyRequestInput,
    @Ctx() { caller, parts }: RequestOperation,
  ): Promise<PrivacyRequest> {
    return parts.requests.open(tokenOf(caller), input)
  }

  @Mutation(() => PrivacyRequest, {
    description:
      'Closes a request. REFUSED needs an answer. DONE for an erasure erases the person at once: it needs confirm: true, and as its answer the reason, in 10 to 200 characters that do not name the person, since it stays in the audit log.',
  })
  async closePrivacyRequest(
    @Arg('id', () => ID) id: string,
    @Arg('outcome', () => PrivacyRequestOutcome) outcome: PrivacyRequestOutcome,
    @Arg('answer', () => String, { nullable: true }) answer: string | null | undefined,
    @Arg('confirm', () => Boolean, { nullable: true, defaultValue: false }) confirm: boolean | null,
    @Ctx() { caller, parts }: RequestOperation,
  ): Promise<PrivacyRequest> {
    return parts.requests.close(tokenOf(caller), id, { outcome, answer: answer ?? null, confirm: confirm === true })
  }
}
