import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Ctx, ID, Info, Mutation, Resolver } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import type { CustomerOperation } from '../customers/resolver.ts'
import { personOf, tokenOf, type Caller, type RequestFacts } from '../operation.ts'
import { LoginRedirect } from './resolver.ts'

/** Adding and removing ways in, for the signed-in customer. */
export interface LinkingDoor {
  /** STEP_UP_REQUIRED PROVIDER_UNKNOWN PROVIDER_UNAVAILABLE BAD_USER_INPUT */
  start(caller: Caller, provider: string, redirectUri: string, request: RequestFacts): Promise<LoginRedirect>
  /** LAST_IDENTITY STEP_UP_REQUIRED BAD_USER_INPUT */
  unlink(caller: Caller, identity: string): Promise<void>
}

export interface LinkingOperation extends CustomerOperation {
  readonly request: RequestFacts
  readonly parts: CustomerOperation['parts'] & { readonly linking: LinkingDoor }
}

@Resolver()
export class LinkingResolver {
  @Mutation(() => LoginRedirect, { description: "Adds another login to the signed-in customer's account: send the browser to the url." })
  async startLinking(
    @Arg('provider', () => ID) provider: string,
    @Arg('redirectUri', () => String) redirectUri: string,
    @Ctx() operation: LinkingOperation,
  ): Promise<LoginRedirect> {
    personOf(operation.caller)
    return operation.parts.linking.start(tokenOf(operation.caller), provider, redirectUri, operation.request)
  }

  @Mutation(() => Customer, { description: 'Removes one login. The last way in stays.' })
  async unlinkIdentity(@Arg('id', () => ID) id: string, @Ctx() operation: LinkingOperation, @Info() info: GraphQLResolveInfo): Promise<CustomerView | null> {
    personOf(operation.caller)
    await operation.parts.linking.unlink(tokenOf(operation.caller), id)
    return operation.parts.customers.reads.me(operation, info.fieldNodes, 'ended just now')
  }
}
