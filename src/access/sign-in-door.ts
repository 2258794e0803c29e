import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuditLog } from '../audit/log.ts'
import type { WaitingLogins } from '../broker/waiting-login.ts'
import type { Risk } from '../config/step-up.ts'
import { EntenteError } from '../errors.ts'
import { settleSignIn } from '../linking/known-sign-in.ts'
import type { SeenDevice } from '../linking/note-device.ts'
import type { LinkingParts } from '../linking/resolve.ts'
import type { CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { Alerts } from './alerts.ts'
import type { StepUpDecision } from './decide-step-up.ts'
import type { Proved } from './factor-proof.ts'
import type { Factors } from './factors.ts'
import type { HalfSignIn, HalfSignIns, SignInPlace } from './half-sign-ins.ts'
import type { Interactions, PendingQuestion } from './interactions.ts'
import type { MailCodes } from './mail-codes.ts'
import type { PasskeyQuestion, Passkeys } from './passkeys.ts'
import { acrs, type Acr } from './session-marks.ts'
import type { StepUp, StepUpProof } from './step-up.ts'

export interface SignInDoorParts {
  readonly interactions: Pick<Interactions, 'signedIn' | 'confirmed'>
  readonly stepUp: Pick<StepUp, 'atSignIn'>
  readonly factors: Pick<Factors, 'check'>
  readonly passkeys: Pick<Passkeys, 'optionsFor'>
  readonly mailCodes: Pick<MailCodes, 'send' | 'check'>
  readonly customers: Pick<CustomerStore, 'read'>
  readonly waiting: Pick<WaitingLogins, 'read' | 'forget'>
  readonly halves: HalfSignIns
  readonly linking: LinkingParts
  readonly alerts: Pick<Alerts, 'answer'>
  readonly audit: Pick<AuditLog, 'note'>
}

/** A way in that has been shown, of whatever kind. */
export interface ShownWayIn {
  readonly customer: CustomerKey
  /** As the sign-in left it; null where it did not say. */
  readonly row: CustomerRow | null
  /** The provider's id, `mail` or `passkey`. */
  readonly way: string
  readonly device: SeenDevice
  readonly deviceId: string | null
  /** What the sign-in itself made doubtful. */
  readonly risks: readonly Risk[]
  readonly settled: boolean
  readonly at: Date
  /** What the way in proved by itself: a passkey, or the mailbox. */
  readonly proved: Proved | null
}

export interface ConfirmQuestion {
  /** Nothing: it cannot be had here (RFC 9470, 5). */
  readonly accepted: HalfSignIn['accepted']
  readonly reasons: readonly string[]
  readonly passkey: PasskeyQuestion | null
}

/** A request of the browser's, as the OpenID provider wants it, and the interaction that it is about. */
export interface AtSignIn extends SignInPlace {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly clientId: string
}

/**
 * From a way in to a session: one path for providers, passkeys and mailed codes. Where more is asked for, nothing is a session until it is
 * proved; how far somebody has come is kept here.
 */
export function signInDoor(parts: SignInDoorParts) {
  const { interactions, stepUp, halves, waiting } = parts
  const holderOf = ({ browser, uid }: SignInPlace) => `${browser}/${uid}`

  async function decide(at: AtSignIn, { customer, row, way, risks, settled, proved }: ShownWayIn): Promise<StepUpDecision> {
    const seen = [...risks, ...(way === 'mail' ? (['mailWayIn'] as const) : [])]
    const decision = await stepUp.atSignIn(row ?? customer, 'signIn', seen, proved)
    if (decision.do === 'ask' || settled || (await waiting.read(at.uid, at.browser)) === null) return decision
    return stepUp.atSignIn(customer, 'linkIdentity', [], proved)
  }

  async function signedIn(at: AtSignIn, customer: CustomerKey, shown: NonNullable<HalfSignIn['shown']>, acr: Acr, onTop: Proved | null): Promise<string> {
    if (onTop !== null || !shown.settled) {
      const claims = await waiting.read(at.uid, at.browser)
      const settled = { customer, clientId: at.clientId, device: shown.device, waiting: claims, proved: onTop?.kind ?? null }
      await settleSignIn(parts.linking, { ...settled, byMailAt: shown.way === 'mail' ? shown.at : null })
    }
    const amr = [...new Set([...shown.amr, ...(onTop?.amr ?? [])])]
    const result = { customer, way: shown.way, device: shown.deviceId, amr, acr, authTime: shown.at }
    const url = await interactions.signedIn(at.request, at.response, at.uid, result)
    await waiting.forget(at.uid, at.browser)
    return url
  }

  /** What is asked of somebody who is signed in already: by a shop, or since an alert was raised. */
  async function askedOf(question: PendingQuestion): Promise<HalfSignIn> {
    const { customer, confirm, way } = question
    if (customer === null || confirm === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'nothing to confirm' })
    const byAlert = confirm.reasons.includes('alert') ? await stepUp.atSignIn(customer, 'signIn', [], null) : null
    const decision = byAlert?.do === 'ask' ? byAlert : await stepUp.atSignIn(customer, 'acr', [], null)
    if (decision.do === 'allow') return { customer, accepted: [], reasons: [], shown: null }
    // Who came by the mailbox proves nothing more with it.
    const accepted = decision.accepted.filter((one) => one !== 'signIn').filter((one) => !(one === 'mailCode' && way === 'mail'))
    return { customer, accepted, reasons: [...decision.reasons], shown: null }
  }

  async function mailed(at: SignInPlace, customer: CustomerKey, code: string): Promise<Proved> {
    if ((await parts.mailCodes.check({ browser: at.browser, purpose: 'stepUp', interaction: at.uid, code })) !== customer) {
      throw new EntenteError('BAD_USER_INPUT', { why: 'wrong code' }, { field: 'code' })
    }
    return { kind: 'mailCode', amr: ['otp'] }
  }

  return {
    /** The URL to go on to: with a session, or to the page that asks for more. LOGIN_EXPIRED */
    async entered(at: AtSignIn, way: ShownWayIn): Promise<string> {
      const { customer, proved } = way
      const decision = await decide(at, way)
      const shown = { way: way.way, device: way.device, deviceId: way.deviceId, settled: way.settled, at: way.at, amr: [...(proved?.amr ?? [])] }
      if (decision.do === 'ask') {
        const accepted = decision.accepted.filter((one) => one !== 'signIn')
        await halves.keep(at, { customer, accepted, reasons: [...decision.reasons], shown })
        return `/confirm?uid=${encodeURIComponent(at.uid)}`
      }
      const url = await signedIn(at, customer, shown, proved?.kind === 'passkey' ? acrs.factor : acrs.oneWay, null)
      // Who has nothing further to show has shown all there is: an alert that nobody could answer would stand for ever.
      if (proved !== null || decision.byWayIn) await parts.alerts.answer(customer)
      return url
    },

    /** What is asked for now; null when nothing is. */
    async question(at: SignInPlace, question: PendingQuestion): Promise<ConfirmQuestion | null> {
      let half = await halves.read(at)
      if (question.prompt === 'confirm' && half?.customer !== question.customer) half = null
      if (half === null && question.prompt === 'confirm') {
        half = await askedOf(question)
        await halves.keep(at, half)
      }
      if (half === null) return null
      const { accepted, reasons, customer } = half
      const passkey = accepted.includes('passkey') ? await parts.passkeys.optionsFor({ use: 'stepUp', holder: holderOf(at), customer }) : null
      return { accepted, reasons, passkey }
    },

    /** To the customer's own address, where that is accepted. LOGIN_EXPIRED BAD_USER_INPUT RATE_LIMITED PROVIDER_UNAVAILABLE */
    async sendCode(at: SignInPlace, request: { readonly locale: string | null; readonly ip: string }): Promise<void> {
      const half = await halves.read(at)
      if (half === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'nothing to confirm' })
      const row = half.accepted.includes('mailCode') ? await parts.customers.read(half.customer) : null
      if (row?.email === undefined) throw new EntenteError('BAD_USER_INPUT', { why: 'a mailed code is not accepted' }, { field: 'proof' })
      await parts.mailCodes.send({ ...request, browser: at.browser, purpose: 'stepUp', interaction: at.uid, address: row.email })
    },

    /** The URL to go on to. LOGIN_EXPIRED; BAD_USER_INPUT for a wrong proof, RATE_LIMITED while that factor is locked */
    async prove(at: AtSignIn, proof: StepUpProof): Promise<string> {
      const half = await halves.read(at)
      if (half === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'nothing to confirm' })
      const { customer } = half
      if (!half.accepted.includes(proof.kind)) throw new EntenteError('BAD_USER_INPUT', { why: 'not accepted' }, { field: 'proof' })
      const proved = proof.kind === 'mailCode' ? await mailed(at, customer, proof.code) : await parts.factors.check(customer, proof, holderOf(at))
      if ((await halves.take(at)) === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'confirmed at the same moment' })
      if (half.shown !== null) return signedIn(at, customer, half.shown, acrs.factor, proved)
      const url = await interactions.confirmed(at.request, at.response, at.uid, { amr: proved.amr, acr: acrs.factor })
      const detail = { action: 'acr', proof: proved.kind }
      await parts.audit.note({ type: 'step_up.proved', client: at.clientId, actor: 'customer', subjects: [customer], detail })
      return url
    },
  }
}

export type SignInDoor = ReturnType<typeof signInDoor>
