import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Ctx, Info, Mutation, Resolver } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import type { CustomerOperation } from '../customers/resolver.ts'
import { personOf, tokenOf, type Caller } from '../operation.ts'

export interface PrivacyDoor {
  /** Stops all processing that stands on a purpose, or lets it go on (Art. 18 GDPR). FORBIDDEN for tools. */
  restrict(caller: Caller, restricted: boolean): Promise<void>
}

export interface PrivacyOperation extends CustomerOperation {
  readonly parts: CustomerOperation['parts'] & { readonly privacy: PrivacyDoor }
}

@Resolver()
export class PrivacyResolver {
  @Mutation(() => Customer, { description: 'While restricted, no client gets more than the proof of consent; the person sees everything.' })
  async restrictProcessing(
    @Arg('restricted', () => Boolean) restricted: boolean,
    @Ctx() operation: PrivacyOperation,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CustomerView | null> {
    personOf(operation.caller)
    await operation.parts.privacy.restrict(tokenOf(operation.caller), restricted)
    return operation.parts.customers.reads.me(operation, info.fieldNodes)
  }
}
