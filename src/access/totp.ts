import { Secret, TOTP, URI } from 'otpauth'
import { randomBytes } from 'node:crypto'
import qrcode from 'qrcode'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CredentialStore } from '../storage/credentials.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { OnceStore } from '../storage/redis.ts'
import { factorsOf, usedNow, type ChangeFactors } from './factor-changes.ts'
import type { Proved } from './factor-proof.ts'

export interface TotpParts {
  /** What the house is called in the authenticator app. */
  readonly house: string
  readonly key: Buffer
  /** Secrets shown and not confirmed yet. */
  readonly begun: OnceStore
  readonly credentials: Pick<CredentialStore, 'totp' | 'insert' | 'stepUsed'>
  readonly customers: Pick<CustomerStore, 'read'>
  readonly change: ChangeFactors
  readonly now: () => number
}

/** What is shown once, for an authenticator app. */
export interface TotpSecret {
  readonly secret: string
  readonly uri: string
  /** The URI as a picture. */
  readonly qr: string
}

/** RFC 6238 as every app reads it: SHA-1, six digits, thirty seconds; one step of grace to either side. */
const usual = { algorithm: 'SHA1', digits: 6, period: 30 } as const
const grace = 1
const seconds = 600
const begunRow = z.strictObject({ secret: z.string() })
const wrong = (why: string): EntenteError => new EntenteError('BAD_USER_INPUT', { why: `totp: ${why}` }, { field: 'code' })

/** The step whose code this is, around `now`; null for any other text: exactly six ASCII digits. */
export function stepOf(secret: string, code: string, now: number): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null
  const delta = new TOTP({ ...usual, secret: Secret.fromBase32(secret) }).validate({ token: code, timestamp: now, window: grace })
  return delta === null ? null : Math.floor(now / (usual.period * 1000)) + delta
}

/** Codes of an authenticator app. The secret is shown once and sealed at rest; it is no factor before a code of it was shown. */
export function totp({ house, key, begun, credentials, customers, change, now }: TotpParts) {
  const placeOf = (customer: CustomerKey, holder: string) => `${customer}.${holder}`

  return {
    /** A fresh secret, for ten minutes; one begun before is forgotten. BAD_USER_INPUT for who has an app already. */
    async begin(customer: CustomerKey, holder: string): Promise<TotpSecret> {
      const row = await customers.read(customer)
      if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED', { why: 'no such customer' })
      if (factorsOf(row).some(({ kind }) => kind === 'totp')) throw wrong('enrolled already')
      const secret = new Secret({ size: 20 })
      const uri = URI.stringify(new TOTP({ ...usual, secret, issuer: house, label: row.email ?? house }))
      const place = placeOf(customer, holder)
      await begun.replace(place, seal(key, JSON.stringify({ secret: secret.base32 }), place), seconds)
      return { secret: secret.base32, uri, qr: await qrcode.toString(uri, { type: 'svg', errorCorrectionLevel: 'M' }) }
    },

    /** Makes it a factor by a first code of it. BAD_USER_INPUT; a wrong code may be put right, since the secret is known to who types. */
    async confirm(whom: { readonly customer: CustomerKey; readonly holder: string; readonly client: string | null }, code: string): Promise<void> {
      const { customer } = whom
      const place = placeOf(customer, whom.holder)
      const sealed = await begun.peek(place)
      const opened = sealed === null ? null : unseal(key, sealed, place)
      if (opened === null) throw wrong('nothing begun')
      const { secret } = begunRow.parse(JSON.parse(opened.toString()))
      const lastStep = stepOf(secret, code, now())
      if (lastStep === null) throw wrong('wrong code')
      if ((await begun.take(place)) === null) throw wrong('nothing begun')
      const factor = randomBytes(16).toString('base64url')
      const row = { _id: `totp:${customer}`, customer, factor, sealed: seal(key, secret, factor), lastStep }
      await change({ customer, client: whom.client, id: factor }, async (tx, { factors = [] }, addedAt) => {
        if (factors.some(({ kind }) => kind === 'totp')) throw wrong('enrolled already')
        await credentials.insert(tx, [row])
        return {
          factors: [...factors, { id: factor, kind: 'totp', key: row._id, addedAt }],
          event: { type: 'factor.added', detail: { factor: 'totp' } },
          letter: { kind: 'factorAdded', facts: { factor: 'totp' } },
        }
      })
    },

    /** Null for a wrong, an old or a used code; guesses are counted by `factors.ts`. */
    async prove(customer: CustomerKey, code: string): Promise<Proved | null> {
      const row = await credentials.totp(customer)
      const secret = row && unseal(key, row.sealed, row.factor)
      const step = secret && stepOf(secret.toString(), code, now())
      if (row === null || step === null) return null
      let used = false
      await change({ customer, client: null, id: row.factor }, async (tx, customerRow, at) => {
        used = await credentials.stepUsed(tx, customer, step)
        return { factors: used ? usedNow(factorsOf(customerRow), row.factor, at) : factorsOf(customerRow) }
      })
      return used ? { kind: 'totp', amr: ['otp', 'mfa'] } : null
    },
  }
}

export type Totp = ReturnType<typeof totp>
