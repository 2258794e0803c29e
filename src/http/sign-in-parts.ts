import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ReadDevice } from '../access/devices.ts'
import type { Proved } from '../access/factor-proof.ts'
import type { PendingQuestion } from '../access/interactions.ts'
import type { MailCodes } from '../access/mail-codes.ts'
import type { Passkeys } from '../access/passkeys.ts'
import type { AtSignIn, SignInDoor } from '../access/sign-in-door.ts'
import type { AuditLog } from '../audit/log.ts'
import type { LoginParts } from '../broker/login-pipeline.ts'
import { EntenteError } from '../errors.ts'
import { signInKnown, type KnownSignIn } from '../linking/known-sign-in.ts'
import type { LinkingParts } from '../linking/resolve.ts'
import type { CustomerKey } from '../operation.ts'
import type { ConfirmParts, OwnWayParts } from '../pages/parts.ts'
import { bindBrowser, bindDevice, browserOf } from './browser-binding.ts'
import { networkOf } from './network.ts'

export interface SignInInput {
  readonly signIn: SignInDoor
  readonly mailCodes: Pick<MailCodes, 'available' | 'send' | 'check'>
  readonly passkeys: Pick<Passkeys, 'optionsFor' | 'signIn'>
  readonly login: Pick<LoginParts, 'waiting'>
  readonly readDevice: ReadDevice
  readonly linking: LinkingParts
  readonly audit: Pick<AuditLog, 'note'>
}

type OwnWay = KnownSignIn['way']

/** What the pages of a sign-in may call: our own ways in beside the providers, and what is asked for on top. */
export function signInParts(input: SignInInput): OwnWayParts & ConfirmParts {
  const { signIn, mailCodes, passkeys, login } = input

  function placeOf(question: PendingQuestion, request: FastifyRequest, reply: FastifyReply): AtSignIn {
    const browser = browserOf(request)
    if (browser === null) throw new EntenteError('LOGIN_EXPIRED', { why: 'a browser without a name' })
    return { request: request.raw, response: reply.raw, uid: question.uid, browser, clientId: question.client.id }
  }

  async function enter(way: OwnWay, shown: Proved & { readonly customer: CustomerKey }, at: AtSignIn, request: FastifyRequest, reply: FastifyReply) {
    const device = input.readDevice({ cookie: bindDevice(request, reply), userAgent: request.headers['user-agent'], ip: request.ip })
    const waiting = await login.waiting.read(at.uid, at.browser)
    const known = await signInKnown(input.linking, { customer: shown.customer, way, clientId: at.clientId, device, waiting })
    return signIn.entered(at, {
      ...known,
      customer: shown.customer,
      row: null,
      way,
      device,
      deviceId: known.device,
      proved: { kind: shown.kind, amr: shown.amr },
    })
  }

  /** Who was refused is in the audit like at a provider's callback. */
  async function orNoted(way: OwnWay, question: PendingQuestion, work: () => Promise<string>): Promise<string> {
    try {
      return await work()
    } catch (error) {
      const code = error instanceof EntenteError ? error.code : 'INTERNAL_SERVER_ERROR'
      await input.audit.note({ type: 'login.denied', client: question.client.id, actor: 'system', detail: { provider: way, code } })
      throw error
    }
  }

  return {
    ownWays: {
      mail: mailCodes.available,
      waitingFor: async (question, request) => {
        const browser = browserOf(request)
        return browser === null ? null : ((await login.waiting.read(question.uid, browser))?.provider ?? null)
      },
      passkeyQuestion: (request, reply) => passkeys.optionsFor({ use: 'signIn', holder: bindBrowser(request, reply), customer: null }),
      sendCode: (question, { address, locale }, request, reply) =>
        mailCodes.send({ purpose: 'signIn', interaction: question.uid, address, locale, browser: bindBrowser(request, reply), ip: networkOf(request.ip) }),
      byCode: (question, code, request, reply) =>
        orNoted('mail', question, async () => {
          const at = placeOf(question, request, reply)
          const customer = await mailCodes.check({ browser: at.browser, purpose: 'signIn', interaction: at.uid, code })
          if (customer === null) throw new EntenteError('BAD_USER_INPUT', { why: 'wrong code' }, { field: 'code' })
          return enter('mail', { customer, kind: 'mailCode', amr: ['otp'] }, at, request, reply)
        }),
      byPasskey: (question, { handle, response }, request, reply) =>
        orNoted('passkey', question, async () => {
          const at = placeOf(question, request, reply)
          return enter('passkey', await passkeys.signIn(response, handle, at.browser), at, request, reply)
        }),
    },
    confirm: {
      question: (question, request, reply) => signIn.question({ uid: question.uid, browser: bindBrowser(request, reply) }, question),
      sendCode: (question, locale, request, reply) => signIn.sendCode(placeOf(question, request, reply), { locale, ip: networkOf(request.ip) }),
      prove: (question, proof, request, reply) => signIn.prove(placeOf(question, request, reply), proof),
    },
  }
}
