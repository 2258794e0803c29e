import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { AuditLog } from '../audit/log.ts'
import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import { stepUpActions, type Risk, type StepUpAction } from '../config/step-up.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller, type CustomerKey, type RequestFacts } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { OnceStore } from '../storage/redis.ts'
import { decideStepUp, proofLife, type StepUpDecision, type StepUpFacts } from './decide-step-up.ts'
import type { FactorProof, Proved } from './factor-proof.ts'
import { kindsOf, type Factors } from './factors.ts'
import type { Guesses } from './guesses.ts'
import type { MailCodes } from './mail-codes.ts'
import type { PasskeyQuestion, Passkeys } from './passkeys.ts'
import { acrs } from './session-marks.ts'

export interface StepUpParts {
  readonly policy: Pick<Policy, 'stepUp'>
  readonly customers: Pick<CustomerStore, 'read'>
  readonly factors: Pick<Factors, 'check'>
  readonly passkeys: Pick<Passkeys, 'optionsFor'>
  readonly mailCodes: Pick<MailCodes, 'available' | 'send' | 'check'>
  readonly guesses: Pick<Guesses, 'many'>
  readonly proofs: OnceStore
  readonly audit: Pick<AuditLog, 'note'>
  readonly now: () => number
}

export type StepUpProof = FactorProof | { readonly kind: 'mailCode'; readonly code: string }

export interface StepUpQuestion {
  readonly accepted: readonly string[]
  readonly reasons: readonly string[]
  readonly passkey: PasskeyQuestion | null
}

const kept = z.strictObject({ kind: z.enum(['passkey', 'totp', 'recoveryCode', 'mailCode']), at: z.number() })
type KeptProof = z.infer<typeof kept>

type ActionByPerson = (typeof stepUpActions)[number]

/** BAD_USER_INPUT for what is no action of a person's. */
export function actionNamed(name: string): ActionByPerson {
  const action = stepUpActions.find((one) => one === name)
  if (action === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'action' })
  return action
}

/** Whether a code can be sent to an address that the customer has proved. */
const takesMail = ({ email, emailProof = 'none', emailUndeliverable = false }: CustomerRow): boolean =>
  email !== undefined && emailProof !== 'none' && !emailUndeliverable

/**
 * Asks for a proof where something is at stake, and keeps proofs: each for one action of one customer under one grant of one client, once,
 * for ten minutes. The one place that domain doors ask, so that no page and no other door leads past it.
 */
export function stepUp({ policy, customers, factors, passkeys, mailCodes, guesses, proofs, audit, now }: StepUpParts) {
  /** The person at the account centre. FORBIDDEN UNAUTHENTICATED */
  async function personAt(caller: Caller): Promise<{ readonly row: CustomerRow; readonly grant: string }> {
    const customer = personOf(caller)
    if ((caller.purposes & dataSubjectAccess) === 0 || caller.grant === null) throw new EntenteError('FORBIDDEN', { why: 'not the account centre' })
    const row = await customers.read(customer)
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'no such customer' })
    return { row, grant: caller.grant }
  }

  const decide = (row: CustomerRow, action: StepUpAction, facts: Pick<StepUpFacts, 'signedInAgo' | 'proof' | 'risks'>): StepUpDecision =>
    decideStepUp({ ...facts, action, factors: kindsOf(row), mailCode: mailCodes.available && takesMail(row), rule: policy.stepUp[action] })

  const signedInAgo = ({ authTime }: Caller): number | null => (authTime === null ? null : now() - authTime)

  const placeOf = (caller: Caller, customer: CustomerKey, action: StepUpAction): string =>
    createHash('sha256')
      .update(JSON.stringify([caller.clientId, caller.grant, customer, action]))
      .digest('base64url')

  async function taken(place: string): Promise<StepUpFacts['proof']> {
    const value = await proofs.take(place)
    if (value === null) return null
    const { kind, at } = kept.parse(JSON.parse(value))
    return { kind, ago: now() - at }
  }

  async function keep(caller: Caller, customer: CustomerKey, action: StepUpAction, kind: KeptProof['kind']): Promise<void> {
    await proofs.replace(placeOf(caller, customer, action), JSON.stringify({ kind, at: now() } satisfies KeptProof), proofLife / 1000)
  }

  return {
    /**
     * Lets the person at the account centre do this, and takes the proof that was kept for it. FORBIDDEN for other clients;
     * STEP_UP_REQUIRED says what is accepted and why, and is in the audit.
     */
    async require(caller: Caller, action: ActionByPerson): Promise<CustomerKey> {
      const { row } = await personAt(caller)
      const proof = await taken(placeOf(caller, row._id, action))
      const decision = decide(row, action, { signedInAgo: signedInAgo(caller), proof, risks: [] })
      if (decision.do === 'allow') return row._id
      const { accepted, reasons } = decision
      const said = { action, reasons: reasons.join(' ') }
      await audit.note({ type: 'step_up.asked', client: caller.clientId, actor: 'customer', subjects: [row._id], detail: said })
      const maxAge = policy.stepUp[action].within / 1000
      throw new EntenteError('STEP_UP_REQUIRED', said, { action, accepted, reasons, acrValues: acrs.factor, maxAge })
    },

    /** What is accepted for this action now; nothing where it may be done as it is. A passkey's question comes along. */
    async start(caller: Caller, action: ActionByPerson): Promise<StepUpQuestion> {
      const { row, grant } = await personAt(caller)
      const decision = decide(row, action, { signedInAgo: signedInAgo(caller), proof: null, risks: [] })
      if (decision.do === 'allow') return { accepted: [], reasons: [], passkey: null }
      const { accepted, reasons } = decision
      const passkey = accepted.includes('passkey') ? await passkeys.optionsFor({ use: 'stepUp', holder: `${grant}/${action}`, customer: row._id }) : null
      return { accepted, reasons, passkey }
    },

    /** Sends a code to the proved address, where that is accepted. BAD_USER_INPUT RATE_LIMITED PROVIDER_UNAVAILABLE */
    async sendCode(caller: Caller, action: ActionByPerson, request: RequestFacts): Promise<void> {
      const { row, grant } = await personAt(caller)
      const decision = decide(row, action, { signedInAgo: signedInAgo(caller), proof: null, risks: [] })
      if (decision.do === 'allow' || !decision.accepted.includes('mailCode') || row.email === undefined) {
        throw new EntenteError('BAD_USER_INPUT', { why: 'a mailed code is not accepted' }, { field: 'action' })
      }
      const place = { browser: grant, purpose: 'stepUp', interaction: action } as const
      await mailCodes.send({ ...place, address: row.email, locale: row.locale ?? request.locale, ip: request.ip })
    },

    /** Checks a proof and keeps it for this action. BAD_USER_INPUT RATE_LIMITED */
    async complete(caller: Caller, action: ActionByPerson, proof: StepUpProof): Promise<void> {
      const { row, grant } = await personAt(caller)
      const proved = proof.kind === 'mailCode' ? await mailed(row, grant, action, proof.code) : await factors.check(row._id, proof, `${grant}/${action}`)
      await keep(caller, row._id, action, proved.kind)
      const detail = { action, proof: proved.kind }
      await audit.note({ type: 'step_up.proved', client: caller.clientId, actor: 'customer', subjects: [row._id], detail })
    },

    /** A factor was enrolled just now, which proves it: recovery codes may follow at once, and nothing else. */
    enrolled: (caller: Caller, customer: CustomerKey, kind: 'passkey' | 'totp'): Promise<void> => keep(caller, customer, 'newRecoveryCodes', kind),

    /**
     * For our own pages: what this sign-in, or a shop that asks for a factor (`acr`), still takes. `seen` is what the page itself has noticed;
     * what is known of the customer comes on top, and is read unless it is given. `proved` is what was shown in this very sign-in, a passkey as the way in included.
     */
    atSignIn: (
      customer: CustomerKey | CustomerRow,
      action: 'signIn' | 'acr' | 'linkIdentity',
      seen: readonly Risk[],
      proved: Proved | null,
    ): Promise<StepUpDecision> => signingIn(customer, action, seen, proved),

    /**
     * A sign-in without a page of ours, by a device's own dialog: no cookie says which device it is, and nothing can be asked. Whom a page
     * would ask is sent to the browser. STEP_UP_REQUIRED
     */
    async withoutPage(customer: CustomerKey): Promise<void> {
      const decision = await signingIn(customer, 'signIn', ['newDevice'], null)
      if (decision.do === 'ask') throw new EntenteError('STEP_UP_REQUIRED', { reasons: decision.reasons.join(' ') })
    },
  }

  async function signingIn(
    customer: CustomerKey | CustomerRow,
    action: 'signIn' | 'acr' | 'linkIdentity',
    seen: readonly Risk[],
    proved: Proved | null,
  ): Promise<StepUpDecision> {
    const row = typeof customer === 'string' ? await customers.read(customer) : customer
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'no such customer' })
    const known: readonly Risk[] = [...(row.alert ? [row.alert.why] : []), ...((await guesses.many(row._id, kindsOf(row))) ? (['manyFailures'] as const) : [])]
    const decision = decide(row, action, { signedInAgo: 0, proof: proved && { kind: proved.kind, ago: 0 }, risks: [...seen, ...known] })
    if (decision.do === 'ask') {
      const detail = { action, reasons: decision.reasons.join(' ') }
      await audit.note({ type: 'step_up.asked', client: null, actor: 'customer', subjects: [row._id], detail })
    }
    return decision
  }

  async function mailed(row: CustomerRow, grant: string, action: StepUpAction, code: string): Promise<Proved> {
    const customer = await mailCodes.check({ browser: grant, purpose: 'stepUp', interaction: action, code }).catch(async (error: unknown) => {
      await audit.note({ type: 'factor.refused', client: null, actor: 'customer', subjects: [row._id], detail: { factor: 'mailCode' } })
      throw error
    })
    if (customer !== row._id) throw new EntenteError('BAD_USER_INPUT', { why: 'wrong code' }, { field: 'code' })
    return { kind: 'mailCode', amr: ['otp'] }
  }
}

export type StepUp = ReturnType<typeof stepUp>
