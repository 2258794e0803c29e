import type { GraphQLResolveInfo } from 'graphql'
import type { CustomerView } from '../consent/view.ts'
import { EntenteError } from '../errors.ts'
import type { Operation } from './operation-context.ts'

/**
 * Federation's way in: `customer(id)` by another door, with the caller's own token and gate. Of a representation only the key is read;
 * what else stands there is of the caller's making.
 */
export const entities = {
  Query: {
    _entities: (
      _root: unknown,
      { representations }: { readonly representations: readonly unknown[] },
      operation: Operation,
      info: GraphQLResolveInfo,
    ): Promise<CustomerView | null>[] => {
      const ids = representations.map(idOf)
      return ids.map((id) => operation.parts.customers.reads.one(operation, id, info.fieldNodes))
    },
  },
  _Entity: { __resolveType: (): string => 'Customer' },
}

function idOf(representation: unknown): string {
  if (typeof representation === 'object' && representation !== null && '__typename' in representation && 'id' in representation) {
    const { __typename, id } = representation
    if (__typename === 'Customer' && typeof id === 'string') return id
  }
  throw new EntenteError('BAD_USER_INPUT', { why: 'representation' }, { field: 'representations' })
}
