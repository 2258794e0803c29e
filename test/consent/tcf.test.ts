import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { saidByTcf } from '../../src/consent/tcf.ts'
import { demoPolicy as policy, now } from './fixture.ts'

interface Core {
  readonly version?: number
  readonly at?: Date
  readonly serviceSpecific?: boolean
  /** IAB TCF purposes that are consented to, from 1. */
  readonly consented?: readonly number[]
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The core segment of a TC string, put together by its table of bits ("TC string format", IAB TCF v2). */
function tcString({ version = 2, at = new Date('2026-05-01'), serviceSpecific = true, consented = [] }: Core): string {
  const purposes = Array.from({ length: 24 }, (_, i) => (consented.includes(i + 1) ? '1' : '0')).join('')
  const fields: readonly (readonly [value: number, bits: number])[] = [
    [version, 6],
    [at.getTime() / 100, 36],
    [at.getTime() / 100, 36],
    [300, 12], // CMP
    [1, 12],
    [1, 6],
    [0b000100_001101, 12], // EN
    [100, 12],
    [5, 6],
    [serviceSpecific ? 1 : 0, 1],
    [0, 1],
    [0, 12],
    [Number.parseInt(purposes, 2), 24],
    [0, 24],
    [0, 1],
    [0b000011_000100, 12], // DE
    [0, 17],
    [0, 17],
    [0, 12],
  ]
  const bits = fields.map(([value, length]) => value.toString(2).padStart(length, '0')).join('')
  return (bits.match(/.{1,6}/g) ?? []).map((six) => alphabet[Number.parseInt(six.padEnd(6, '0'), 2)]).join('')
}

const refused = (text: string, why: string, by = policy) =>
  expect(() => saidByTcf(text, by, now)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', detail: { why }, hints: { field: 'tcString' } }))

test('a yes is where all of the purposes that the policy names are consented to, else it is a no', () =>
  fc.assert(
    fc.property(fc.subarray([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), (consented) => {
      const { choices, at } = saidByTcf(tcString({ consented }), policy, now)
      const granted = [2, 3, 4].every((one) => consented.includes(one))
      expect(choices.map(({ purpose, ...said }) => [purpose.id, said])).toEqual([['personalised_ads', { granted, textVersion: '2026-01' }]])
      expect(at).toEqual(new Date('2026-05-01'))
    }),
  ))

test('the string itself is the evidence; the segment of disclosed vendors tells its version', () => {
  const core = tcString({})
  const evidence = (text: string) => saidByTcf(text, policy, now).evidence
  expect(evidence(core)).toEqual({ by: 'TCF', version: '2.2', created: '2026-05-01', cmp: 300, sha256: createHash('sha256').update(core).digest('hex') })
  expect(evidence(`${core}.IAEF0A`)).toMatchObject({ version: '2.3' })
  // A publisher's own segment, alone and with the other.
  expect(evidence(`${core}.YIAAAAAAAAAA`)).toMatchObject({ version: '2.2' })
  expect(evidence(`${core}.YIAAAAAAAAAA.IAEF0A`)).toMatchObject({ version: '2.3' })
})

test('refused is what is no TC string, what holds for other shops too, and what is from the future', () => {
  for (const text of ['', 'x', '!', tcString({}).slice(0, 20), tcString({ version: 1 }), tcString({ serviceSpecific: false })]) refused(text, 'not a TC string')
  refused(tcString({ at: new Date(now.getTime() + 100) }), 'from the future')
  expect(saidByTcf(tcString({ at: now }), policy, now).at).toEqual(now)
})

test('a string that is too long is not looked at', () => {
  const padded = (length: number) => tcString({}).padEnd(length, 'A')
  expect(saidByTcf(padded(4096), policy, now).choices).toHaveLength(1)
  refused(padded(4097), 'not a TC string')
})

test('only consents are said by it, and a policy that maps none of them takes nothing over', () => {
  const mapped = (change: object) => ({ ...policy, purposes: policy.purposes.map((one) => (one.id === 'personalised_ads' ? { ...one, ...change } : one)) })
  refused(tcString({}), 'no purpose is mapped', mapped({ legalBasis: 'LEGITIMATE_INTEREST' }))
  refused(tcString({}), 'no purpose is mapped', mapped({ signals: { tcfPurposes: [], googleConsentMode: [], segmentCategories: [] } }))
})
