import { generateAuthenticationOptions, generateRegistrationOptions } from '@simplewebauthn/server'
import { randomBytes } from 'node:crypto'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CredentialStore, PasskeyRow } from '../storage/credentials.ts'
import type { CustomerRow, CustomerStore, FactorSummary } from '../storage/customers.ts'
import { isDuplicateKey } from '../storage/transaction.ts'
import { factorsOf, usedNow, type ChangeFactors } from './factor-changes.ts'
import type { Proved } from './factor-proof.ts'
import type { ChallengeFor, PasskeyChallenges } from './passkey-challenges.ts'
import { algorithms, bytesOf, passkeyChecks, refused } from './passkey-checks.ts'

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

export interface NewPasskey {
  readonly handle: string
  readonly response: unknown
  /** What the customer calls it. */
  readonly name: string
}

const most = 20
const timeout = 300_000

const keyOf = (credentialId: string): string => `passkey:${credentialId}`
const idIn = (key: string): string => key.slice(key.indexOf(':') + 1)
const passkeysIn = (factors: readonly FactorSummary[]) => factors.flatMap((one) => (one.kind === 'passkey' && one.key !== undefined ? [one.key] : []))
const provedBy = ({ synced }: PasskeyRow): Proved => ({ kind: 'passkey', amr: [synced ? 'swk' : 'hwk', 'user', 'mfa'] })

/**
 * Passkeys (WebAuthn L3): a second factor, and a way in by itself. User verification is always demanded, so one of them is possession and
 * person in one. The origin is exactly the public one; challenges are drawn and bound by `passkey-challenges.ts`.
 */
export function passkeys({ house, publicUrl, challenges, credentials, customers, change, audit }: PasskeyParts) {
  const { hostname: rpID } = new URL(publicUrl)
  const checks = passkeyChecks(publicUrl)

  async function activeRow(customer: CustomerKey): Promise<CustomerRow> {
    const row = await customers.read(customer)
    if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'no such customer' })
    return row
  }

  async function registrationQuestion(whom: ChallengeFor, customer: CustomerKey): Promise<PasskeyQuestion> {
    const row = await activeRow(customer)
    const known = passkeysIn(factorsOf(row))
    const first = known[0] === undefined ? null : await credentials.passkey(known[0])
    const userHandle = first?.userHandle ?? randomBytes(32).toString('base64url')
    const { handle, challenge } = await challenges.draw(whom, userHandle)
    const options = await generateRegistrationOptions({
      rpName: house,
      rpID,
      userName: row.email ?? house,
      userID: bytesOf(userHandle),
      challenge,
      timeout,
      attestationType: 'none',
      excludeCredentials: known.map((key) => ({ id: idIn(key) })),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      supportedAlgorithmIDs: algorithms,
    })
    return { handle, options }
  }

  /** Takes the challenge and checks the answer against the passkey that it names, for whom the challenge was made. */
  async function assert(whom: ChallengeFor, handle: string, response: unknown): Promise<PasskeyRow> {
    const { challenge } = await challenges.take(handle, whom)
    const given = checks.given(response)
    const row = await credentials.passkey(keyOf(given.credentialId))
    if (row === null || (whom.customer !== null && row.customer !== whom.customer)) throw refused('not one of this customer')
    if (given.userHandle === null ? whom.customer === null : given.userHandle !== row.userHandle) throw refused('another user handle')
    await count(row, await given.counterBy(row.publicKey, challenge))
    return row
  }

  /** Written with the summary. The same counter as before or a lower one means a copy of the key, which the operator is told. */
  async function count(row: PasskeyRow, counter: number): Promise<void> {
    let counted = false
    await change({ customer: row.customer, client: null, id: row.factor }, async (tx, customer, at) => {
      counted = await credentials.counted(tx, row._id, row.customer, counter)
      return { factors: counted ? usedNow(factorsOf(customer), row.factor, at) : factorsOf(customer) }
    })
    if (counted) return
    await audit.note({ type: 'passkey.copied', client: null, actor: 'customer', subjects: [row.customer] })
    throw refused('the counter went back')
  }

  return {
    /** For the browser's dialog. Without a customer any passkey of this house may answer: conditional UI at the sign-in. UNAUTHENTICATED */
    async optionsFor(whom: ChallengeFor): Promise<PasskeyQuestion> {
      const { use, customer } = whom
      if (use === 'register') {
        if (customer === null) throw new EntenteError('UNAUTHENTICATED')
        return registrationQuestion(whom, customer)
      }
      const known = customer === null ? [] : passkeysIn(factorsOf(await activeRow(customer)))
      const { handle, challenge } = await challenges.draw(whom)
      const allowCredentials = known.map((key) => ({ id: idIn(key) }))
      const options = await generateAuthenticationOptions({ rpID, challenge, timeout, userVerification: 'required', allowCredentials })
      return { handle, options }
    },

    /** Adds the passkey that was made for this question. BAD_USER_INPUT, also when it is registered already, whoever's it is. */
    async add(whom: { readonly customer: CustomerKey; readonly holder: string; readonly client: string | null }, answer: NewPasskey): Promise<void> {
      const { customer, holder, client } = whom
      const { challenge, userHandle } = await challenges.take(answer.handle, { use: 'register', holder, customer })
      const { credential, transports, synced } = await checks.made(answer.response, challenge)
      const factor = randomBytes(16).toString('base64url')
      const publicKey = Buffer.from(credential.publicKey).toString('base64url')
      const kept = { _id: keyOf(credential.id), customer, factor, publicKey, counter: credential.counter, userHandle, transports: [...transports], synced }
      try {
        await change({ customer, client, id: factor }, async (tx, { factors = [] }, addedAt) => {
          if (passkeysIn(factors).length >= most) throw refused('too many')
          await credentials.insert(tx, [kept])
          return {
            factors: [...factors, { id: factor, kind: 'passkey', key: kept._id, name: answer.name, addedAt }],
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

export type Passkeys = ReturnType<typeof passkeys>
