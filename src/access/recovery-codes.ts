import { createHmac, randomBytes } from 'node:crypto'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import type { CredentialStore } from '../storage/credentials.ts'
import { hasFactor } from './decide-step-up.ts'
import { factorsOf, type ChangeFactors } from './factor-changes.ts'
import type { Proved } from './factor-proof.ts'

export interface RecoveryParts {
  readonly key: Buffer
  readonly credentials: Pick<CredentialStore, 'insert' | 'spend' | 'removeFactor'>
  readonly change: ChangeFactors
}

const codes = 10
/** Crockford's 32 signs: none looks like another. */
const signs = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const length = 16

/** 80 bits, in groups for reading: `7Q2M-…`. */
function draw(): string {
  const text = [...randomBytes(length)].map((byte) => signs[byte % signs.length]).join('')
  return text.match(/.{4}/g)?.join('-') ?? text
}

/** What was meant by what was typed: dashes, blanks and case are nothing, O is 0, I and L are 1. Null when it cannot be a code. */
function read(typed: string): string | null {
  if (typed.length > 100) return null
  const code = typed.replaceAll(/[\s-]/g, '').toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return /^[0-9A-HJKMNP-TV-Z]{16}$/.test(code) ? code : null
}

/** Codes on paper for the day on which the factor is lost: shown once, kept as keyed hashes, each good for one time. */
export function recoveryCodes({ key, credentials, change }: RecoveryParts) {
  const idOf = (code: string) => `recovery:${createHmac('sha256', key).update(code).digest('base64url')}`

  return {
    /** A new set; the one before is dead. BAD_USER_INPUT for who has no factor that they could stand in for. */
    async renew(customer: CustomerKey, client: string | null): Promise<readonly string[]> {
      const drawn = Array.from({ length: codes }, draw)
      const factor = randomBytes(16).toString('base64url')
      await change({ customer, client, id: factor }, async (tx, row, addedAt) => {
        const rest = factorsOf(row).filter(({ kind }) => kind !== 'recoveryCodes')
        if (!hasFactor(new Set(rest.map(({ kind }) => kind)))) throw new EntenteError('BAD_USER_INPUT', { why: 'no factor yet' })
        for (const old of factorsOf(row)) if (old.kind === 'recoveryCodes') await credentials.removeFactor(tx, customer, old.id)
        const rows = drawn.map((code) => ({ _id: idOf(code.replaceAll('-', '')), customer, factor }))
        await credentials.insert(tx, rows)
        return {
          factors: [...rest, { id: factor, kind: 'recoveryCodes', addedAt, left: codes }],
          event: { type: 'factor.added', detail: { factor: 'recoveryCodes' } },
          letter: { kind: 'factorAdded', facts: { factor: 'recoveryCodes' } },
        }
      })
      return drawn
    },

    /** Null for a wrong or a used one; guesses are counted by `factors.ts`. The customer is told by mail. */
    async prove(customer: CustomerKey, typed: string): Promise<Proved | null> {
      const code = read(typed)
      if (code === null) return null
      let spent = false
      await change({ customer, client: null, id: idOf(code) }, async (tx, row, at) => {
        const factors = factorsOf(row)
        spent = await credentials.spend(tx, idOf(code), customer)
        if (!spent) return { factors }
        const left = (factors.find(({ kind }) => kind === 'recoveryCodes')?.left ?? 1) - 1
        return {
          factors: factors.map((one) => (one.kind === 'recoveryCodes' ? { ...one, left, lastUsedAt: at } : one)),
          event: { type: 'recovery_code.used', detail: { left } },
          letter: { kind: 'recoveryCodeUsed', facts: { left } },
        }
      })
      return spent ? { kind: 'recoveryCode', amr: ['otp', 'mfa'] } : null
    },
  }
}

export type RecoveryCodes = ReturnType<typeof recoveryCodes>
