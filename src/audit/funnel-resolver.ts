import { Arg, Ctx, Field, Float, ID, Int, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql'
import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller } from '../operation.ts'
import { comparisonOf, findingsOf, rateOf, variantsOf, type Finding } from './funnel-findings.ts'
import type { LoginFunnel as Funnel } from './login-funnel.ts'

enum LoginFunnelStep {
  shown = 'shown',
  started = 'started',
  atProvider = 'atProvider',
  cancelled = 'cancelled',
  failed = 'failed',
  factorAsked = 'factorAsked',
  finished = 'finished',
  took = 'took',
  consent = 'consent',
  arrived = 'arrived',
  linkStarted = 'linkStarted',
  linked = 'linked',
  linkFailed = 'linkFailed',
}
registerEnumType(LoginFunnelStep, { name: 'LoginFunnelStep', description: 'arrived: finished by whatever way, after the login page was shown.' })

enum LoginDevice {
  phone = 'phone',
  tablet = 'tablet',
  desktop = 'desktop',
  other = 'other',
}
registerEnumType(LoginDevice, { name: 'LoginDevice' })

@ObjectType({ simpleResolvers: true })
export class LoginFunnelCell {
  @Field(() => ID) clientId!: string
  @Field(() => ID, { nullable: true, description: 'A provider, mail or passkey; null before a way in was chosen.' }) provider!: string | null
  @Field(() => LoginDevice) device!: `${LoginDevice}`
  @Field(() => ID, { nullable: true, description: 'Of the login page.' }) variant!: string | null
  @Field(() => LoginFunnelStep) step!: `${LoginFunnelStep}`
  @Field(() => String, { nullable: true, description: 'An error code for failed and linkFailed; given, refused or open for consent; how long for took.' })
  outcome!: string | null
  @Field(() => Int, { description: 'Browsers, and people who sign in by a dialog of their device, each once a day, in whole groups of k.' }) count!: number
}

@ObjectType({ simpleResolvers: true })
export class LoginPageVariant {
  @Field(() => ID) id!: string
  @Field(() => Int) shown!: number
  @Field(() => Int) arrived!: number
  @Field(() => Float) rate!: number
}

@ObjectType({ simpleResolvers: true, description: "Pearson's chi-squared test, one degree of freedom." })
export class LoginPageComparison {
  @Field(() => Float) chiSquared!: number
  @Field(() => Float) p!: number
  @Field(() => ID, { nullable: true, description: 'The variant that is better beyond chance (p < 0.05).' }) better!: string | null
}

@ObjectType({ simpleResolvers: true, description: 'A part of all logins that is finished less often than the rest, beyond chance.' })
export class LoginFunnelFinding {
  @Field(() => String, { description: 'provider, device or client' }) dimension!: string
  @Field(() => ID) value!: string
  @Field(() => Int) started!: number
  @Field(() => Int) finished!: number
  @Field(() => Float, { description: 'Rate of all the others.' }) others!: number
  @Field(() => Int, { description: "Logins that would have been finished at the others' rate." }) lost!: number
  @Field(() => Float) p!: number
  @Field(() => String, { description: 'What became of most that were not finished: cancelled, failed and a code, or notBack.' }) mostly!: string
}

@ObjectType({ simpleResolvers: true, description: 'How far logins come. Counts only: no number, sum or difference stands for fewer than k.' })
export class LoginFunnel {
  @Field(() => Date) from!: Date
  @Field(() => Date) to!: Date
  @Field(() => Int) k!: number
  @Field(() => [LoginFunnelCell]) cells!: readonly LoginFunnelCell[]
  @Field(() => [LoginPageVariant]) variants!: readonly LoginPageVariant[]
  @Field(() => LoginPageComparison, { nullable: true }) comparison!: LoginPageComparison | null
  @Field(() => [LoginFunnelFinding], { description: 'What would lower drop-out most, the largest first.' }) findings!: readonly LoginFunnelFinding[]
}

/** BAD_USER_INPUT for a period that is empty or longer than 400 days. */
export type FunnelDoor = (from: Date, to: Date) => Promise<LoginFunnel>

/** What operators see of the funnel. */
export function funnelDoor(funnel: Pick<Funnel, 'between'>, k: number): FunnelDoor {
  return async (from, to) => {
    const cells = await funnel.between(from, to)
    const variants = variantsOf(cells)
    return {
      from,
      to,
      k,
      cells: cells.map(({ client, provider, variant, outcome, ...cell }) => ({
        ...cell,
        clientId: client,
        provider: provider || null,
        variant: variant || null,
        outcome: outcome || null,
      })),
      variants: variants.map((one) => ({ id: one.id, shown: one.came, arrived: one.through, rate: rateOf(one) })),
      comparison: comparisonOf(variants),
      findings: findingsOf(cells).map(findingOf),
    }
  }
}

const findingOf = ({ came, through, ...finding }: Finding): LoginFunnelFinding => ({ ...finding, started: came, finished: through })

interface FunnelOperation {
  readonly caller: Caller | null
  readonly parts: { readonly loginFunnel: FunnelDoor }
}

@Resolver()
export class FunnelResolver {
  @Query(() => LoginFunnel, { description: 'Whole days (UTC) that begin in the period. For clients with the scope audit:read.' })
  async loginFunnel(@Arg('from', () => Date) from: Date, @Arg('to', () => Date) to: Date, @Ctx() operation: FunnelOperation): Promise<LoginFunnel> {
    if (!tokenOf(operation.caller).scopes.has('audit:read')) throw new EntenteError('FORBIDDEN', { scope: 'audit:read' })
    return operation.parts.loginFunnel(from, to)
  }
}
