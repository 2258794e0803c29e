import { Arg, Ctx, Field, ID, InputType, Mutation, ObjectType, Resolver } from 'type-graphql'
import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller, type RequestFacts } from '../operation.ts'
import { jsonIn } from './enrolment.ts'
import { actionNamed, type StepUp, type StepUpProof } from './step-up.ts'

@ObjectType({
  simpleResolvers: true,
  description: 'What is accepted as a proof for the action, and why it is asked for. Nothing where it may be done as it is.',
})
export class StepUpChallenge {
  @Field(() => [String], { description: 'passkey, totp, recoveryCode, mailCode; signIn: sign in again, then repeat.' }) accepted!: readonly string[]
  @Field(() => [String]) reasons!: readonly string[]
  @Field(() => String, { nullable: true, description: 'For navigator.credentials.get, as JSON.' }) passkeyOptions!: string | null
  @Field(() => String, { nullable: true, description: 'Goes with the passkey that answers them.' }) handle!: string | null
}

@InputType()
export class PasskeyProofInput {
  @Field(() => String) handle!: string
  @Field(() => String, { description: 'The credential as JSON: PublicKeyCredential.toJSON().' }) response!: string
}

@InputType({ description: 'Exactly one of them.' })
export class StepUpProofInput {
  @Field(() => String, { nullable: true }) totp?: string | null
  @Field(() => String, { nullable: true }) recoveryCode?: string | null
  @Field(() => String, { nullable: true }) mailCode?: string | null
  @Field(() => PasskeyProofInput, { nullable: true }) passkey?: PasskeyProofInput | null
}

export interface StepUpOperation {
  readonly caller: Caller | null
  readonly request: RequestFacts
  readonly parts: { readonly stepUp: Pick<StepUp, 'start' | 'sendCode' | 'complete'> }
}

@Resolver()
export class StepUpResolver {
  @Mutation(() => StepUpChallenge, { description: 'For the person, before an action that answers STEP_UP_REQUIRED: action as that error names it.' })
  async startStepUp(@Arg('action', () => ID) action: string, @Ctx() { caller, parts }: StepUpOperation): Promise<StepUpChallenge> {
    const { accepted, reasons, passkey } = await parts.stepUp.start(tokenOf(caller), actionNamed(action))
    return { accepted, reasons, passkeyOptions: passkey && JSON.stringify(passkey.options), handle: passkey?.handle ?? null }
  }

  @Mutation(() => Boolean, { description: 'Sends a code to the proved address, where mailCode is accepted.' })
  async sendStepUpCode(@Arg('action', () => ID) action: string, @Ctx() { caller, request, parts }: StepUpOperation): Promise<boolean> {
    await parts.stepUp.sendCode(tokenOf(caller), actionNamed(action), request)
    return true
  }

  @Mutation(() => Boolean, { description: 'Then repeat the action with the same token: the proof counts for it once, for ten minutes.' })
  async completeStepUp(
    @Arg('action', () => ID) action: string,
    @Arg('proof', () => StepUpProofInput) proof: StepUpProofInput,
    @Ctx() { caller, parts }: StepUpOperation,
  ): Promise<boolean> {
    await parts.stepUp.complete(tokenOf(caller), actionNamed(action), proofIn(proof))
    return true
  }
}

function proofIn({ totp, recoveryCode, mailCode, passkey }: StepUpProofInput): StepUpProof {
  const given: StepUpProof[] = []
  if (totp != null) given.push({ kind: 'totp', code: totp })
  if (recoveryCode != null) given.push({ kind: 'recoveryCode', code: recoveryCode })
  if (mailCode != null) given.push({ kind: 'mailCode', code: mailCode })
  if (passkey != null) given.push({ kind: 'passkey', handle: passkey.handle, response: jsonIn(passkey.response) })
  const [proof, ...more] = given
  if (proof === undefined || more.length > 0) throw new EntenteError('BAD_USER_INPUT', { why: 'not exactly one proof' }, { field: 'proof' })
  return proof
}
