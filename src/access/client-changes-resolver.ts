import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql'
import { tokenOf, type Caller } from '../operation.ts'

export enum ClientChangeState {
  PROPOSED = 'proposed',
  APPLIED = 'applied',
  EXPIRED = 'expired',
}
registerEnumType(ClientChangeState, { name: 'ClientChangeState' })

enum ClientKind {
  STOREFRONT = 'storefront',
  SERVER = 'server',
  APP = 'app',
  TOOL = 'tool',
}
registerEnumType(ClientKind, {
  name: 'ClientKind',
  description:
    'How a client proves who it is, and whom for: people in a browser (STOREFRONT, without a secret; SERVER, with one), people in an app, nobody (TOOL).',
})

@ObjectType({ simpleResolvers: true, description: 'A storefront or a tool as it is registered; its secrets are nowhere in the API.' })
export class RegisteredClient {
  @Field(() => ID) id!: string
  @Field(() => String) name!: string
  @Field(() => [ID]) purposes!: readonly string[]
  @Field(() => [String]) scopes!: readonly string[]
  @Field(() => [String]) redirectUris!: readonly string[]
  @Field(() => [String]) postLogoutRedirectUris!: readonly string[]
  @Field(() => [String]) origins!: readonly string[]
  @Field(() => Boolean, { description: 'False for clients of the file, which are changed there.' }) changeable!: boolean
}

@ObjectType({ simpleResolvers: true, description: 'A change of a client: of one who only loses, at once; else when a second operator agrees.' })
export class ClientChange {
  @Field(() => ID) id!: string
  @Field(() => ID) clientId!: string
  @Field(() => [String], { description: 'A line each, such as "purposes: email_marketing".' }) adds!: readonly string[]
  @Field(() => [String]) removes!: readonly string[]
  @Field(() => ClientChangeState) state!: ClientChangeState
  @Field(() => [String], { description: 'The operator, by their names in the list.' }) proposedBy!: readonly string[]
  @Field(() => Date) proposedAt!: Date
  @Field(() => Date) expiresAt!: Date
  @Field(() => [String]) approvedBy!: readonly string[]
  @Field(() => Date, { nullable: true }) appliedAt!: Date | null
  @Field(() => Boolean, { description: 'Whether the caller can be the second pair of eyes.' }) approvable!: boolean
  @Field(() => String, { nullable: true, description: 'Of a client that this call has made, if it has one: told here, and never again.' })
  secret!: string | null
}

@InputType({ description: 'What is absent stays; a list is given as a whole.' })
export class ClientChangeInput {
  @Field(() => String, { nullable: true }) name?: string | null
  @Field(() => [ID], { nullable: true }) purposes?: string[] | null
  @Field(() => [String], { nullable: true }) scopes?: string[] | null
  @Field(() => [String], { nullable: true }) redirectUris?: string[] | null
  @Field(() => [String], { nullable: true }) postLogoutRedirectUris?: string[] | null
  @Field(() => [String], { nullable: true }) origins?: string[] | null
}

@InputType({ description: 'A client that is not there yet. What it may do, the policy has to name it for.' })
export class NewClientInput {
  @Field(() => ID) id!: string
  @Field(() => ClientKind) kind!: ClientKind
  @Field(() => String) name!: string
  @Field(() => [ID], { nullable: true }) purposes?: string[] | null
  @Field(() => [String], { nullable: true }) scopes?: string[] | null
  @Field(() => [String], { nullable: true }) redirectUris?: string[] | null
  @Field(() => [String], { nullable: true }) postLogoutRedirectUris?: string[] | null
  @Field(() => [String], { nullable: true }) origins?: string[] | null
}

/** For operators; FORBIDDEN for all others, tools included. */
export interface ClientChangesDoor {
  roles(caller: Caller): readonly string[]
  clients(caller: Caller): readonly RegisteredClient[]
  list(caller: Caller, open: boolean, first: number): Promise<readonly ClientChange[]>
  /** BAD_USER_INPUT */
  propose(caller: Caller, clientId: string, change: ClientChangeInput): Promise<ClientChange>
  /** BAD_USER_INPUT */
  create(caller: Caller, input: NewClientInput): Promise<ClientChange>
  /** BAD_USER_INPUT */
  approve(caller: Caller, id: string): Promise<ClientChange>
}

interface ClientChangesOperation {
  readonly caller: Caller | null
  readonly parts: { readonly clientChanges: ClientChangesDoor }
}

@Resolver()
export class ClientChangesResolver {
  @Query(() => [String], { description: 'What the caller may do as an operator, now; nothing for everybody else.' })
  myRoles(@Ctx() { caller, parts }: ClientChangesOperation): readonly string[] {
    return parts.clientChanges.roles(tokenOf(caller))
  }

  @Query(() => [RegisteredClient], { description: 'For operators with audit:read or clients:write.' })
  registeredClients(@Ctx() { caller, parts }: ClientChangesOperation): readonly RegisteredClient[] {
    return parts.clientChanges.clients(tokenOf(caller))
  }

  @Query(() => [ClientChange], { description: 'The newest first. For operators with audit:read or clients:write.' })
  async clientChanges(
    @Arg('open', () => Boolean, { nullable: true, defaultValue: false }) open: boolean | null,
    @Arg('first', () => Int, { nullable: true, defaultValue: 50 }) first: number | null,
    @Ctx() { caller, parts }: ClientChangesOperation,
  ): Promise<readonly ClientChange[]> {
    return parts.clientChanges.list(tokenOf(caller), open ?? false, first ?? 50)
  }

  @Mutation(() => ClientChange, { description: 'Of a client in the database. For people with the role clients:write.' })
  async proposeClientChange(
    @Arg('clientId', () => ID) clientId: string,
    @Arg('change', () => ClientChangeInput) change: ClientChangeInput,
    @Ctx() { caller, parts }: ClientChangesOperation,
  ): Promise<ClientChange> {
    return parts.clientChanges.propose(tokenOf(caller), clientId, change)
  }

  @Mutation(() => ClientChange, { description: 'A new client, which is there when a second operator agrees. For people with the role clients:write.' })
  async createClient(@Arg('input', () => NewClientInput) input: NewClientInput, @Ctx() { caller, parts }: ClientChangesOperation): Promise<ClientChange> {
    return parts.clientChanges.create(tokenOf(caller), input)
  }

  @Mutation(() => ClientChange, { description: 'By another person than the one who proposed it; FORBIDDEN for them. Within seven days.' })
  async approveClientChange(@Arg('id', () => ID) id: string, @Ctx() { caller, parts }: ClientChangesOperation): Promise<ClientChange> {
    return parts.clientChanges.approve(tokenOf(caller), id)
  }
}
