import { Arg, Ctx, Field, FieldResolver, Float, ID, ObjectType, Resolver, Root, Directive } from 'type-graphql'
import type { CustomerView } from '../consent/view.ts'
import { Customer } from '../customers/customer-type.ts'
import type { RequestFacts } from '../operation.ts'

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'An interest that fades: it counts half after the half-life of its kind.' })
export class Affinity {
  @Field(() => ID) kind!: string
  @Field(() => String) name!: string
  @Field(() => Float) score!: number
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class Segment {
  @Field(() => ID) id!: string
  @Field(() => String) title!: string
}

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true, description: 'A computed trait as a feature.' })
export class RecommendationFeature {
  @Field(() => ID) name!: string
  @Field(() => [String]) values!: readonly string[]
}

@Directive('@notPersonal')
@ObjectType({
  simpleResolvers: true,
  description: 'What a recommender outside the house may be given: interests, features and groups, and nothing that names the person.',
})
export class RecommendationContext {
  @Field(() => [Affinity], { description: 'The ten strongest of each kind.' }) interests!: readonly Affinity[]
  @Field(() => [RecommendationFeature]) features!: readonly RecommendationFeature[]
  @Field(() => [ID]) segments!: readonly string[]
}

export interface DerivedOperation {
  readonly request: Pick<RequestFacts, 'locale'>
  readonly parts: { readonly segments: { title(id: string, locale: string | null): string } }
}

const strongest = 10

/** What was worked out for the view; the gate has decided about each part of it. */
@Resolver(() => Customer)
export class DerivedResolver {
  @FieldResolver(() => [Affinity], { nullable: true, description: 'The strongest first, of one kind or of all.' })
  affinities(@Root() view: CustomerView, @Arg('kind', () => String, { nullable: true }) kind: string | null | undefined): readonly Affinity[] | null {
    if (!view.open.has('affinities')) return null
    const { affinities } = view.derived
    return typeof kind === 'string' ? affinities.filter((one) => one.kind === kind) : affinities
  }

  @FieldResolver(() => [Segment], { nullable: true, description: 'Groups that the person is in right now.' })
  segments(@Root() view: CustomerView, @Ctx() { parts, request }: DerivedOperation): readonly Segment[] | null {
    return view.open.has('segments') ? view.derived.segments.map((id) => ({ id, title: parts.segments.title(id, request.locale) })) : null
  }

  @FieldResolver(() => RecommendationContext, { nullable: true })
  recommendationContext(@Root() view: CustomerView): RecommendationContext | null {
    if (!view.open.has('recommendationContext')) return null
    const { affinities, traits, segments } = view.derived
    const byKind = Map.groupBy(affinities, ({ kind }) => kind)
    return {
      interests: [...byKind.values()].flatMap((interests) => interests.slice(0, strongest)),
      features: Object.entries(traits).flatMap(([name, value]) =>
        value === null ? [] : [{ name, values: typeof value === 'object' ? value.map(String) : [String(value)] }],
      ),
      segments,
    }
  }
}
