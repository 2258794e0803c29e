import { Ctx, Directive, Field, FieldResolver, ID, Int, Mutation, ObjectType, registerEnumType, Resolver, Root } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import { tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { ExportState } from './export-state.ts'

const ExportStateEnum: Readonly<Record<ExportState, ExportState>> = { PENDING: 'PENDING', READY: 'READY', EXPIRED: 'EXPIRED', FAILED: 'FAILED' }
registerEnumType(ExportStateEnum, { name: 'ExportState' })

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'A ZIP of all that is kept about the person (Art. 15 and 20 GDPR).' })
export class DataExport {
  @Field(() => ID) id!: string
  @Field(() => ExportStateEnum) state!: ExportState
  @Field(() => Date) requestedAt!: Date
  @Field(() => Date, { nullable: true }) readyAt!: Date | null
  @Field(() => Date, { description: 'From then on nobody gets it; at signing out everywhere it ends too.' }) expiresAt!: Date
  @Field(() => Int, { nullable: true, description: 'In bytes; null beyond 2 GiB.' }) size!: number | null
  @Field(() => String, { nullable: true, description: 'In the account centre, for whoever is signed in there as this person. Null unless it is ready.' })
  url!: string | null
}

export interface ExportsDoor {
  /** The one that is being built, if there is one. FORBIDDEN UNAUTHENTICATED STEP_UP_REQUIRED */
  request(caller: Caller): Promise<DataExport>
  /** Newest first. */
  of(customer: CustomerKey): Promise<readonly DataExport[]>
}

export interface ExportOperation {
  readonly caller: Caller | null
  readonly parts: { readonly exports: ExportsDoor }
}

@Resolver(() => Customer)
export class ExportResolver {
  @Directive('@personalData(category: "user.account")')
  @FieldResolver(() => [DataExport], { nullable: true, description: 'Newest first. For the person only.' })
  async exports(@Root() view: CustomerView, @Ctx() operation: ExportOperation): Promise<readonly DataExport[] | null> {
    return view.open.has('exports') ? operation.parts.exports.of(view.key) : null
  }

  @Mutation(() => DataExport, { description: 'Begins to collect all that is kept about the person. One at a time; a new one takes the place of the last.' })
  requestExport(@Ctx() operation: ExportOperation): Promise<DataExport> {
    return operation.parts.exports.request(tokenOf(operation.caller))
  }
}
