import { randomBytes } from 'node:crypto'
import type { AuditLog } from '../audit/log.ts'
import { EntenteError } from '../errors.ts'
import { hasWayIn } from '../linking/ways-in.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerKey } from '../operation.ts'
import type { CredentialStore } from '../storage/credentials.ts'
import type { CustomerRow, CustomerStore, FactorKind } from '../storage/customers.ts'
import { hasFactor } from './decide-step-up.ts'
import { factorsOf, type ChangeFactors } from './factor-changes.ts'
import type { FactorProof, Proved } from './factor-proof.ts'
import type { GuessedKind, Guesses } from './guesses.ts'
import type { Passkeys } from './passkeys.ts'
import type { RecoveryCodes } from './recovery-codes.ts'
import type { Totp } from './totp.ts'

export interface FactorParts {
  readonly passkeys: Pick<Passkeys, 'prove'>
  readonly totp: Pick<Totp, 'prove'>
  readonly recoveryCodes: Pick<RecoveryCodes, 'prove'>
  readonly guesses: Guesses
  readonly credentials: Pick<CredentialStore, 'removeFactor'>
  readonly customers: Pick<CustomerStore, 'read'>
  readonly change: ChangeFactors
  readonly audit: Pick<AuditLog, 'note'>
  readonly post: Pick<Post, 'toCustomer'>
}

/** Kinds that a customer has enrolled. */
export const kindsOf = (row: Pick<CustomerRow, 'factors'>): ReadonlySet<FactorKind> => new Set(factorsOf(row).map(({ kind }) => kind))

/** All second factors of a customer behind one door. */
export function factors({ passkeys, totp, recoveryCodes, guesses, credentials, customers, change, audit, post }: FactorParts) {
  async function counted(customer: CustomerKey, kind: GuessedKind, prove: () => Promise<Proved | null>): Promise<Proved> {
    const row = await customers.read(customer)
    if (row === null || !kindsOf(row).has(kind)) throw new EntenteError('BAD_USER_INPUT', { why: 'not enrolled' }, { field: 'proof' })
    const { locks } = await guesses.count(customer, kind)
    const proved = await prove()
    if (proved !== null) {
      await guesses.right(customer, kind)
      return proved
    }
    await audit.note({ type: 'factor.refused', client: null, actor: 'customer', subjects: [customer], detail: { factor: kind } })
    if (locks) {
      await audit.note({ type: 'factor.locked', client: null, actor: 'customer', subjects: [customer], detail: { factor: kind } })
      await post.toCustomer(null, row, { kind: 'factorLocked', facts: {}, id: `factorLocked:${randomBytes(16).toString('base64url')}` })
    }
    throw new EntenteError('BAD_USER_INPUT', { why: 'wrong code' }, { field: 'code' })
  }

  return {
    of: kindsOf,

    /**
     * Checks one proof of one factor of this customer, for whoever has shown that they are past the first: a stranger's guesses must not
     * come here. `holder` is what a passkey's challenge was bound to. BAD_USER_INPUT when it is wrong, RATE_LIMITED while that kind is locked.
     */
    async check(customer: CustomerKey, proof: FactorProof, holder: string): Promise<Proved> {
      if (proof.kind === 'passkey') return passkeys.prove(customer, holder, proof)
      if (proof.kind === 'totp') return counted(customer, 'totp', () => totp.prove(customer, proof.code))
      return counted(customer, 'recoveryCodes', () => recoveryCodes.prove(customer, proof.code))
    },

    /** Takes one away; recovery codes go with the last factor that they stood in for. BAD_USER_INPUT LAST_IDENTITY */
    async remove(customer: CustomerKey, id: string, client: string): Promise<void> {
      await change({ customer, client, id: `removed:${id}` }, async (tx, row) => {
        const gone = factorsOf(row).find((one) => one.id === id)
        if (gone === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
        const others = factorsOf(row).filter((one) => one !== gone)
        if (gone.kind === 'passkey' && !hasWayIn({ ...row, factors: others })) throw new EntenteError('LAST_IDENTITY')
        await credentials.removeFactor(tx, customer, id)
        const codes = others.find(({ kind }) => kind === 'recoveryCodes')
        const orphaned = codes !== undefined && !hasFactor(new Set(others.map(({ kind }) => kind)))
        if (orphaned) await credentials.removeFactor(tx, customer, codes.id)
        return {
          factors: orphaned ? [] : others,
          event: { type: 'factor.removed', detail: { factor: gone.kind } },
          letter: { kind: 'factorRemoved', facts: { factor: gone.kind } },
        }
      })
    },
  }
}

export type Factors = ReturnType<typeof factors>
