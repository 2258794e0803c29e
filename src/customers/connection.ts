import { Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql'
import { Customer } from './customer-type.ts'
import type { CustomerEdge as Edge, CustomerPage } from './lists.ts'

@ObjectType({ simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean) hasNextPage!: boolean
}

@ObjectType({ simpleResolvers: true })
export class CustomerEdge {
  @Field(() => Customer) node!: Customer
}

@ObjectType({ simpleResolvers: true })
export class CustomerConnection {
  @Field(() => [CustomerEdge]) edges!: CustomerEdge[]
  @Field(() => PageInfo) pageInfo!: PageInfo
}

/** What costs something and is worked out only for those who select it. */
@Resolver(() => CustomerEdge)
export class CustomerEdgeResolver {
  @FieldResolver(() => String)
  cursor(@Root() edge: Edge): string {
    return edge.cursor()
  }
}

@Resolver(() => PageInfo)
export class PageInfoResolver {
  @FieldResolver(() => String, { nullable: true })
  endCursor(@Root() info: CustomerPage['pageInfo']): string | null {
    return info.endCursor()
  }
}

@Resolver(() => CustomerConnection)
export class CustomerConnectionResolver {
  @FieldResolver(() => Int, { nullable: true, description: 'What paging to the end would give; null where that is very many.' })
  totalCount(@Root() page: CustomerPage): Promise<number | null> {
    return page.totalCount()
  }
}
