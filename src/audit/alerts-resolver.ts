import { Arg, Ctx, Field, ID, Int, Mutation, ObjectType, Query, Resolver } from 'type-graphql'
import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller } from '../operation.ts'
import { LogPageInfo, type LogPage } from './resolver.ts'

@ObjectType({ simpleResolvers: true, description: 'Something that an operator should look at, in codes and counts: no value of anybody.' })
export class Alert {
  @Field(() => ID) id!: string
  @Field(() => String, { description: 'By its name in the policy, such as enumeration or tokenReuse.' }) rule!: string
  @Field(() => String, { description: "Whom it is about: client:…, provider:…, chain:…, house, or customer:… by the caller's own id." }) subject!: string
  @Field(() => Int) times!: number
  @Field(() => Date) firstAt!: Date
  @Field(() => Date) lastAt!: Date
  @Field(() => [String]) categories!: readonly string[]
  @Field(() => Date) raisedAt!: Date
  @Field(() => Boolean) open!: boolean
  @Field(() => Date, { nullable: true }) acknowledgedAt!: Date | null
  @Field(() => ID, { nullable: true, description: 'Who answered it: the operator, or the tool.' }) acknowledgedBy!: string | null
  @Field(() => String, { nullable: true }) note!: string | null
}

@ObjectType({ simpleResolvers: true })
export class AlertEdge {
  @Field(() => Alert) node!: Alert
  @Field(() => String) cursor!: string
}

@ObjectType({ simpleResolvers: true })
export class AlertConnection {
  @Field(() => [AlertEdge]) edges!: readonly AlertEdge[]
  @Field(() => LogPageInfo) pageInfo!: LogPageInfo
}

/** What operators see and say of alerts. Newest first. BAD_USER_INPUT */
export interface AlertsDoor {
  list(caller: Caller, open: boolean | null, page: LogPage): Promise<AlertConnection>
  /** Answers an open alert, which is audited; one that was answered before stays as it is. BAD_USER_INPUT for an unknown id. */
  acknowledge(caller: Caller, id: string, note: string): Promise<Alert>
}

interface AlertsOperation {
  readonly caller: Caller | null
  readonly parts: { readonly alerts: AlertsDoor }
}

@Resolver()
export class AlertsResolver {
  @Query(() => AlertConnection, { description: 'For clients with the scope audit:read.' })
  alerts(
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null | undefined,
    @Arg('open', () => Boolean, { nullable: true }) open: boolean | null | undefined,
    @Ctx() operation: AlertsOperation,
  ): Promise<AlertConnection> {
    return operation.parts.alerts.list(operatorOf(operation.caller), open ?? null, { first: first ?? 50, after: after ?? null })
  }

  @Mutation(() => Alert, { description: 'For clients with the scope audit:read. What happened up to now raises no other alert. BAD_USER_INPUT' })
  acknowledgeAlert(
    @Arg('id', () => ID) id: string,
    @Arg('note', () => String, { description: 'What was found, in up to 500 characters.' }) note: string,
    @Ctx() operation: AlertsOperation,
  ): Promise<Alert> {
    return operation.parts.alerts.acknowledge(operatorOf(operation.caller), id, note)
  }
}

function operatorOf(caller: Caller | null): Caller {
  const operator = tokenOf(caller)
  if (!operator.scopes.has('audit:read')) throw new EntenteError('FORBIDDEN', { scope: 'audit:read' })
  return operator
}
