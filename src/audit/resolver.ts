import { Arg, Ctx, Directive, Field, ID, InputType, Int, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql'
import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller, type CustomerKey } from '../operation.ts'

export enum AuditActor {
  CUSTOMER = 'CUSTOMER',
  CLIENT = 'CLIENT',
  PROVIDER = 'PROVIDER',
  SYSTEM = 'SYSTEM',
}
registerEnumType(AuditActor, { name: 'AuditActor' })

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class LogPageInfo {
  @Field(() => Boolean) hasNextPage!: boolean
  @Field(() => String, { nullable: true }) endCursor!: string | null
}

@ObjectType({ simpleResolvers: true, description: 'Who did what, in codes and counts: no value of anybody.' })
export class AuditEventEntry {
  @Field(() => ID) id!: string
  @Field(() => Date) at!: Date
  @Field(() => String) type!: string
  @Field(() => ID, { nullable: true }) clientId!: string | null
  @Field(() => AuditActor) actor!: AuditActor
  @Field(() => [ID], { description: "Whom it is about, as the caller's client knows them." }) subjects!: readonly string[]
  @Field(() => [ID]) purposes!: readonly string[]
  @Field(() => [String]) categories!: readonly string[]
}

@ObjectType({ simpleResolvers: true })
export class AuditEventEdge {
  @Field(() => AuditEventEntry) node!: AuditEventEntry
  @Field(() => String) cursor!: string
}

@ObjectType({ simpleResolvers: true })
export class AuditEventConnection {
  @Field(() => [AuditEventEdge]) edges!: readonly AuditEventEdge[]
  @Field(() => LogPageInfo) pageInfo!: LogPageInfo
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'Who read which categories, for what, when.' })
export class AccessLogEntry {
  @Field(() => Date) at!: Date
  @Field(() => String, { description: 'Such as login.succeeded, consent.changed, data.read.' }) type!: string
  @Field(() => ID, { nullable: true }) clientId!: string | null
  @Field(() => [ID]) purposes!: readonly string[]
  @Field(() => [String]) categories!: readonly string[]
  @Field(() => String, { nullable: true, description: 'What an operator gave as the reason for looking somebody up.' }) reason!: string | null
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class AccessLogEdge {
  @Field(() => AccessLogEntry) node!: AccessLogEntry
  @Field(() => String) cursor!: string
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class AccessLogConnection {
  @Field(() => [AccessLogEdge]) edges!: readonly AccessLogEdge[]
  @Field(() => LogPageInfo) pageInfo!: LogPageInfo
}

@InputType()
export class AuditEventFilter {
  @Field(() => [String], { nullable: true }) types?: string[] | null
  @Field(() => ID, { nullable: true }) clientId?: string | null
  @Field(() => ID, { nullable: true, description: "As the caller's client knows the customer." }) customerId?: string | null
  @Field(() => Date, { nullable: true }) from?: Date | null
  @Field(() => Date, { nullable: true, description: 'Up to, not including.' }) to?: Date | null
}

export interface LogPage {
  readonly first: number
  readonly after: string | null
}

/** What the audit log answers. Newest first; cursors are bound to the caller and the filter. BAD_USER_INPUT */
export interface AuditDoor {
  events(caller: Caller, filter: AuditEventFilter, page: LogPage): Promise<AuditEventConnection>
  accessLog(caller: Caller, customer: CustomerKey, page: LogPage): Promise<AccessLogConnection>
}

export interface AuditOperation {
  readonly caller: Caller | null
  readonly parts: { readonly audit: AuditDoor }
}

@Resolver()
export class AuditResolver {
  @Query(() => AuditEventConnection, { description: 'For clients with the scope audit:read.' })
  async auditEvents(
    @Arg('filter', () => AuditEventFilter, { nullable: true }) filter: AuditEventFilter | null | undefined,
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null | undefined,
    @Ctx() operation: AuditOperation,
  ): Promise<AuditEventConnection> {
    const caller = tokenOf(operation.caller)
    if (!caller.scopes.has('audit:read')) throw new EntenteError('FORBIDDEN', { scope: 'audit:read' })
    return operation.parts.audit.events(caller, filter ?? {}, { first: first ?? 50, after: after ?? null })
  }
}
