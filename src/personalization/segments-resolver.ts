import { Arg, Ctx, Directive, Field, ID, Int, ObjectType, Query, Resolver } from 'type-graphql'
import type { Caller, RequestFacts } from '../operation.ts'
import type { SegmentsDoor } from './segments-door.ts'

@Directive('@notPersonal')
@ObjectType({ simpleResolvers: true })
export class SegmentCondition {
  @Field(() => String, { description: 'In the language of the reader.' }) text!: string
  @Field(() => Boolean) holds!: boolean
}

@Directive('@notPersonal')
@ObjectType('SegmentExplanation', { simpleResolvers: true, description: 'Why one is in a segment, or is not.' })
export class SegmentInWords {
  @Field(() => ID) id!: string
  @Field(() => String) title!: string
  @Field(() => Boolean) member!: boolean
  @Field(() => [ID], { description: 'Purposes for which one is in it.' }) purposes!: readonly string[]
  @Field(() => [SegmentCondition]) conditions!: readonly SegmentCondition[]
}

@ObjectType('RuleTrial', { simpleResolvers: true })
export class Trial {
  @Field(() => Int, { nullable: true, description: "A multiple of the policy's k, of those who were looked at; null for fewer than k." }) people!: number | null
  @Field(() => Int, { description: 'So many were looked at.' }) among!: number
  @Field(() => Boolean, { description: 'Whether that is everybody with a basis for the purpose.' }) complete!: boolean
}

export interface SegmentsOperation {
  readonly caller: Caller | null
  readonly request: Pick<RequestFacts, 'locale'>
  readonly parts: { readonly segments: SegmentsDoor }
}

@Resolver()
export class SegmentsResolver {
  @Query(() => [SegmentInWords], { description: 'Why am I in here, and not in there? Of all segments, in the language asked for. For the person alone.' })
  explainSegments(
    @Arg('locale', () => String, { nullable: true }) locale: string | null | undefined,
    @Ctx() { caller, parts, request }: SegmentsOperation,
  ): Promise<readonly SegmentInWords[]> {
    return parts.segments.explain(caller, null, locale ?? request.locale)
  }

  @Query(() => SegmentInWords, { description: 'Why am I in here? For the person alone.' })
  async explainSegment(@Arg('id', () => ID) id: string, @Ctx() { caller, parts, request }: SegmentsOperation): Promise<SegmentInWords | undefined> {
    const [explained] = await parts.segments.explain(caller, id, request.locale)
    return explained
  }

  @Query(() => Trial, { description: 'How many people a rule (JSON, schema/segment-rule.schema.json) would have. For clients with the scope segments:read.' })
  trySegmentRule(
    @Arg('rule', () => String) rule: string,
    @Arg('purpose', () => ID) purpose: string,
    @Ctx() { caller, parts }: SegmentsOperation,
  ): Promise<Trial> {
    return parts.segments.tryRule(caller, rule, purpose)
  }
}
