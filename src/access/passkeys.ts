import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type VerifiedAuthenticationResponse,
  type VerifiedRegistrationResponse,
} from '@simplewebauthn/server'
import { decodeAttestationObject } from '@simplewebauthn/server/helpers'
import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CredentialStore, PasskeyRow } from '../storage/credentials.ts'
import type { CustomerStore, FactorSummary } from '../storage/customers.ts'
import { isDuplicateKey } from '../storage/transaction.ts'
import { factorsOf, usedNow, type ChangeFactors } from './factor-changes.ts'
import type { Proved } from './factor-proof.ts'
import type { ChallengeFor, PasskeyChallenges } from './passkey-challenges.ts'
import { assertion, ownPage, registration } from './passkey-responses.ts'

export interface PasskeyParts {
  /** What the house is called in the authenticator's dialog. */
  readonly house: string
  readonly publicUrl: string
  readonly challenges: PasskeyChallenges
  readonly credentials: Pick<CredentialStore, 'passkey' | 'insert' | 'counted'>
  readonly customers: Pick<CustomerStore, 'read'>
  readonly change: ChangeFactors
  readonly audit: Pick<AuditLog, 'note'>
}

/** What the browser's dialog is called with, as JSON, and the name under which its answer is taken. */
export interface PasskeyQuestion {
  readonly handle: string
  readonly options: object
}

/** EdDSA, ES256, RS256. */
const algorithms = [-8, -7, -257]
const most = 20
const timeout = 300_000

const refused = (why: string, cause?: unknown): EntenteError => new EntenteError('BAD_USER_INPUT', { why: `passkey: ${why}` }, { field: 'passkey' }, cause)
const keyOf = (credentialId: string): string => `passkey:${credentialId}`
const idIn = (key: string): string => key.slice(key.indexOf(':') + 1)
const passkeysIn = (factors: readonly FactorSummary[]) => factors.flatMap((one) => (one.kind === 'passkey' && one.key !== undefined ? [one.key] : []))

/**
 * Passkeys (WebAuthn L3): a second factor, and a way in by itself. User verification is always demanded, so one of them is possession and
 * person in one. The origin is exactly the public one; challenges are drawn and bound by `passkey-challenges.ts`.
 */
export function passkeys(parts: PasskeyParts) {
  const { origin, hostname: rpID } = new URL(parts.publicUrl)
  const { challenges, credentials, customers, change, audit } = parts

  async function activeRow(customer: CustomerKey) {
    const row = await customers.read(customer)
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'no such customer' })
    return row
  }

  async function registrationQuestion(whom: ChallengeFor & { readonly customer: CustomerKey }): Promise<PasskeyQuestion> {
    const row = await activeRow(whom.customer)
    const known = passkeysIn(factorsOf(row))
    const first = known[0] === undefined ? null : await credentials.passkey(known[0])
    const userHandle = first?.userHandle ?? randomBytes(32).toString('base64url')
    const { handle, challenge } = await challenges.draw(whom, userHandle)
    const options = await generateRegistrationOptions({
      rpName: parts.house,
      rpID,
      userName: row.email ?? parts.house,
      userID: bytesOf(userHandle),
      challenge: new Uint8Array(challenge),
      timeout,
      attestationType: 'none',
      excludeCredentials: known.map((key) => ({ id: idIn(key) })),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      supportedAlgorithmIDs: algorithms,
    })
    return { handle, options }
  }

  /**
   * Takes the challenge and checks the answer against the passkey that it names. The counter is written with the summary: the same or a
   * lower one means a copy of the key, which is told to the operator.
   */
  async function assert(whom: ChallengeFor, handle: string, response: unknown): Promise<PasskeyRow> {
    const { challenge } = await challenges.take(handle, whom)
    const given = assertion.safeParse(response).data
    if (given === undefined || !ownPage(given.response.clientDataJSON)) throw refused('not an answer of ours')
    const row = await credentials.passkey(keyOf(given.id))
    if (row === null || (whom.customer !== null && row.customer !== whom.customer)) throw refused('not one of this customer')
    const { userHandle } = given.response
    if (userHandle == null ? whom.customer === null : userHandle !== row.userHandle) throw refused('another user handle')
    const counter = await counterOf(given, challenge, row)
    let copied = false
    await change({ customer: row.customer, client: null, id: row.factor }, async (tx, customer, at) => {
      copied = !(await credentials.counted(tx, row._id, row.customer, counter))
      return { factors: copied ? factorsOf(customer) : usedNow(factorsOf(customer), row.factor, at) }
    })
    if (!copied) return row
    await audit.note({ type: 'passkey.copied', client: null, actor: 'customer', subjects: [row.customer] })
    throw refused('the counter went back')
  }

  async function counterOf({ response, ...given }: z.infer<typeof assertion>, expectedChallenge: string, row: PasskeyRow): Promise<number> {
    const { userHandle, ...answer } = response
    // Counter 0: the rule about counters is kept where they are written, after the signature is known to be right.
    const credential = { id: idIn(row._id), publicKey: bytesOf(row.publicKey), counter: 0 }
    const checked = await orRefused(
      verifyAuthenticationResponse({
        response: { ...given, response: { ...answer, ...(userHandle != null && { userHandle }) } },
        expectedChallenge,
        expectedOrigin: origin,
        expectedRPID: rpID,
        credential,
        requireUserVerification: true,
      }),
    )
    if (!checked.verified) throw refused('the signature')
    return checked.authenticationInfo.newCounter
  }

  return {
    /** For the browser's dialog. Without a customer any passkey of this house may answer: conditional UI at the sign-in. UNAUTHENTICATED */
    async optionsFor(whom: ChallengeFor): Promise<PasskeyQuestion> {
      const { use, customer } = whom
      if (use === 'register') {
        if (customer === null) throw new EntenteError('UNAUTHENTICATED')
        return registrationQuestion({ ...whom, customer })
      }
      const known = customer === null ? [] : passkeysIn(factorsOf(await activeRow(customer)))
      const { handle, challenge } = await challenges.draw(whom)
      const allowCredentials = known.map((key) => ({ id: idIn(key) }))
      const options = await generateAuthenticationOptions({
        rpID,
        challenge: new Uint8Array(challenge),
        timeout,
        userVerification: 'required',
        allowCredentials,
      })
      return { handle, options }
    },

    /** Adds the passkey that was made for this question. BAD_USER_INPUT, also when it is registered already, whoever's it is. */
    async add(whom: { readonly customer: CustomerKey; readonly holder: string; readonly client: string | null }, answer: NewPasskey): Promise<void> {
      const { challenge, userHandle } = await challenges.take(answer.handle, { use: 'register', holder: whom.holder, customer: whom.customer })
      const given = registration.safeParse(answer.response).data
      if (given === undefined || !ownPage(given.response.clientDataJSON)) throw refused('not an answer of ours')
      if (!needsNoTrust(given.response.attestationObject)) throw refused('an attestation that nobody asked for')
      const checked = await orRefused(
        verifyRegistrationResponse({
          response: given,
          expectedChallenge: challenge,
          expectedOrigin: origin,
          expectedRPID: rpID,
          requireUserVerification: true,
          supportedAlgorithmIDs: algorithms,
        }),
      )
      if (!checked.verified || checked.registrationInfo.credential.id !== given.id) throw refused('not verified')
      const { credential, credentialDeviceType } = checked.registrationInfo
      const factor = randomBytes(16).toString('base64url')
      const row: PasskeyRow = {
        _id: keyOf(credential.id),
        customer: whom.customer,
        factor,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        userHandle,
        transports: given.response.transports,
        synced: credentialDeviceType === 'multiDevice',
      }
      try {
        await change({ customer: whom.customer, client: whom.client, id: factor }, async (tx, { factors = [] }, addedAt) => {
          if (passkeysIn(factors).length >= most) throw refused('too many')
          await credentials.insert(tx, [row])
          const summary: FactorSummary = { id: factor, kind: 'passkey', key: row._id, name: answer.name, addedAt }
          return {
            factors: [...factors, summary],
            event: { type: 'factor.added', detail: { factor: 'passkey' } },
            letter: { kind: 'factorAdded', facts: { factor: 'passkey' } },
          }
        })
      } catch (error) {
        throw isDuplicateKey(error) ? refused('registered already', error) : error
      }
    },

    /** BAD_USER_INPUT */
    async prove(customer: CustomerKey, holder: string, answer: { readonly handle: string; readonly response: unknown }): Promise<Proved> {
      return provedBy(await assert({ use: 'stepUp', holder, customer }, answer.handle, answer.response))
    },

    /** Who signs in with the passkey that they picked, without a name. BAD_USER_INPUT, UNAUTHENTICATED when the customer is there no more. */
    async signIn(response: unknown, handle: string, browser: string): Promise<Proved & { readonly customer: CustomerKey }> {
      const row = await assert({ use: 'signIn', holder: browser, customer: null }, handle, response)
      return { customer: row.customer, ...provedBy(row) }
    },
  }
}

export interface NewPasskey {
  readonly handle: string
  readonly response: unknown
  /** What the customer calls it. */
  readonly name: string
}

export type Passkeys = ReturnType<typeof passkeys>

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64url'))

const provedBy = ({ synced }: PasskeyRow): Proved => ({ kind: 'passkey', amr: [synced ? 'swk' : 'hwk', 'user', 'mfa'] })

/** No attestation, or one that the key signed itself: checking a maker's would lead to addresses that the sender of it chose (lists of revoked certificates). */
function needsNoTrust(attestationObject: string): boolean {
  try {
    const decoded = decodeAttestationObject(bytesOf(attestationObject))
    const fmt = decoded.get('fmt')
    return fmt === 'none' || (fmt === 'packed' && decoded.get('attStmt').get('x5c') === undefined)
  } catch {
    return false
  }
}

/** Whatever the library stumbles on in what was sent is the sender's fault. */
async function orRefused<T extends VerifiedAuthenticationResponse | VerifiedRegistrationResponse>(checking: Promise<T>): Promise<T> {
  try {
    return await checking
  } catch (error) {
    throw refused('not verified', error)
  }
}
