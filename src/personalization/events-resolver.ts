import { Arg, Ctx, Directive, Field, Float, ID, InputType, Int, Mutation, ObjectType, registerEnumType, Resolver } from 'type-graphql'
import type { Reading } from '../customers/reads.ts'
import type { Caller } from '../operation.ts'
import type { Refusal } from './capture.ts'

/** GraphQL names of refusals. */
export const RefusedEventReason = {
  UNKNOWN_EVENT: 'UNKNOWN_EVENT',
  INVALID_PROPERTIES: 'INVALID_PROPERTIES',
  TOO_LARGE: 'TOO_LARGE',
  NO_PURPOSE: 'NO_PURPOSE',
} as const satisfies { readonly [Reason in Refusal]: Reason }
registerEnumType(RefusedEventReason, { name: 'RefusedEventReason', description: 'Why an event was not kept; docs/events.md says when.' })

@InputType({ description: 'One value of what the catalogue names; exactly one of the three is given.' })
export class EventPropertyInput {
  @Field(() => String) name!: string
  @Field(() => String, { nullable: true }) string?: string | null
  @Field(() => Float, { nullable: true }) number?: number | null
  @Field(() => Boolean, { nullable: true }) boolean?: boolean | null
}

@InputType()
export class EventInput {
  @Field(() => ID, { description: 'Chosen by the sender, up to 100 characters. Sent again under the same id, an event is the same event.' }) messageId!: string
  @Field(() => String, { description: "As the policy's catalogue calls it." }) name!: string
  @Field(() => Date, { nullable: true, description: 'When it happened; now when it is left out.' }) timestamp?: Date | null
  @Field(() => [EventPropertyInput], { nullable: true }) properties?: EventPropertyInput[] | null
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class RefusedEvent {
  @Field(() => Int, { description: 'Its place in the list that was sent.' }) index!: number
  @Field(() => RefusedEventReason) reason!: Refusal
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class RecordEventsResult {
  @Field(() => Int, { description: 'How many are kept, those that were kept before included.' }) accepted!: number
  @Field(() => [RefusedEvent]) refused!: readonly RefusedEvent[]
}

export interface EventsRequest {
  readonly events: readonly EventInput[]
  readonly customerId: string | null
  readonly anonymousId: string | null
}

export interface EventsDoor {
  /** UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT RATE_LIMITED OVERLOADED */
  record(caller: Caller | null, request: EventsRequest): Promise<RecordEventsResult>
}

export interface EventsOperation extends Reading {
  readonly parts: { readonly events: EventsDoor }
}

@Resolver()
export class EventsResolver {
  @Mutation(() => RecordEventsResult, {
    description:
      'Keeps what the signed-in customer did, or a customer whom a tool names, for the purposes that have a basis now. Each event is answered by itself. What the browser did before under `anonymousId` becomes the customer’s, as far as they agree to it now.',
  })
  recordEvents(
    @Arg('events', () => [EventInput]) events: EventInput[],
    @Arg('customerId', () => ID, { nullable: true, description: 'For tools: whose events these are.' }) customerId: string | null | undefined,
    @Arg('anonymousId', () => ID, { nullable: true }) anonymousId: string | null | undefined,
    @Ctx() { caller, parts }: EventsOperation,
  ): Promise<RecordEventsResult> {
    return parts.events.record(caller, { events, customerId: customerId ?? null, anonymousId: anonymousId ?? null })
  }
}
