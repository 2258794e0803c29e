import type { Caller } from '../../src/operation.ts'
import { readPolicy, type Policy } from '../../src/config/policy.ts'
import type { CustomerRow, Decision } from '../../src/storage/customers.ts'
import { caller, customer, now, policyText } from './fixture.ts'
import { oneRow } from './one-row.ts'

// One person in memory, under the demo's policy with double opt-in and a pause, for the tests of what they say and of what is heard.
export const policy = readPolicy(
  policyText.replace('    clients: [marketing]\n', '    clients: [marketing]\n    confirm: mail\n    askAgainAfter: P6M\n'),
  'policy.yaml',
)
export const me = customer()._id
export const days = (many: number) => new Date(now.getTime() + many * 86_400_000)
export const person = (change: Partial<Caller> = {}) => caller(policy, ['data_subject_access'], { customer: me, ...change })
export const was = (state: Decision['state'], at = days(-9), textVersion = '2026-01'): Decision => ({ state, textVersion, at })
export const house = (change: Partial<CustomerRow> = {}, by: Policy = policy) => oneRow(by, { tokensValidFrom: days(-30), ...change }, () => now)
export const purposeOf = (id: string) => {
  const purpose = policy.purpose(id)
  if (purpose === undefined) throw new Error(`no purpose ${id}`)
  return purpose
}
export const ended = { endedGrants: ['g', 'i'].map((grant) => ({ grant, until: days(1) })) }
