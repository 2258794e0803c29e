import { EntenteError } from '../errors.ts'
import { personOf } from '../operation.ts'
import type { CustomerStore } from '../storage/customers.ts'
import { factorsOf } from './factor-changes.ts'
import type { FactorsDoor } from './factors-resolver.ts'
import type { Factors } from './factors.ts'
import type { Passkeys } from './passkeys.ts'
import type { RecoveryCodes } from './recovery-codes.ts'
import type { StepUp } from './step-up.ts'
import type { Totp } from './totp.ts'

export interface EnrolmentParts {
  readonly stepUp: Pick<StepUp, 'require' | 'enrolled'>
  readonly passkeys: Pick<Passkeys, 'optionsFor' | 'add'>
  readonly totp: Pick<Totp, 'begin' | 'confirm'>
  readonly recoveryCodes: Pick<RecoveryCodes, 'renew'>
  readonly factors: Pick<Factors, 'remove'>
  readonly customers: Pick<CustomerStore, 'read'>
}

/**
 * What the fields about second factors call. To begin an enrolment takes the step-up of `addFactor`, so a session that still owes its
 * factor cannot make itself one; what was begun is bound to the grant and ends by itself, and needs no second proof.
 */
export function enrolment({ stepUp, passkeys, totp, recoveryCodes, factors, customers }: EnrolmentParts): FactorsDoor {
  return {
    async list(customer) {
      const row = await customers.read(customer)
      return row === null ? [] : factorsOf(row).map(({ id, kind, name, addedAt, lastUsedAt, left }) => ({ id, kind, name, addedAt, lastUsedAt, left }))
    },

    async startPasskey(caller) {
      const customer = await stepUp.require(caller, 'addFactor')
      const { handle, options } = await passkeys.optionsFor({ use: 'register', holder: caller.grant ?? '', customer })
      return { handle, options: JSON.stringify(options) }
    },

    async addPasskey(caller, { name, handle, response }) {
      const customer = personOf(caller)
      await passkeys.add({ customer, holder: caller.grant ?? '', client: caller.clientId }, { name: nameOf(name), handle, response: jsonIn(response) })
      await stepUp.enrolled(caller, customer, 'passkey')
    },

    async startTotp(caller) {
      const customer = await stepUp.require(caller, 'addFactor')
      return totp.begin(customer, caller.grant ?? '')
    },

    async confirmTotp(caller, code) {
      const customer = personOf(caller)
      await totp.confirm({ customer, holder: caller.grant ?? '', client: caller.clientId }, code)
      await stepUp.enrolled(caller, customer, 'totp')
    },

    newRecoveryCodes: async (caller) => recoveryCodes.renew(await stepUp.require(caller, 'newRecoveryCodes'), caller.clientId),

    async remove(caller, id) {
      await factors.remove(await stepUp.require(caller, 'removeFactor'), id, caller.clientId)
    },
  }
}

function nameOf(given: string): string {
  const name = given.normalize('NFKC').trim()
  if (name === '' || name.length > 60 || /\p{C}/u.test(name)) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'name' })
  return name
}

const longestResponse = 32_768

/** What a browser's dialog answered, as JSON text. BAD_USER_INPUT */
export function jsonIn(text: string): unknown {
  try {
    if (text.length <= longestResponse) return JSON.parse(text)
  } catch {
    // Said below.
  }
  throw new EntenteError('BAD_USER_INPUT', { why: 'no JSON' }, { field: 'response' })
}
