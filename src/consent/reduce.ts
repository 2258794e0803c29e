import { createHash } from 'node:crypto'
import type { Form } from './gate.ts'

/** A keyed hash (hex) that only this client's other reads can be compared with. */
export type HashFor = (clientId: string, value: string) => string

/** Gives a stored value in the form that was decided; null for nothing stored, and for nothing allowed. */
export type Reader<T> = (value: T | null | undefined, clientId: string) => T | null

export const withheld = (): null => null
export const whole = <T>(value: T | null | undefined): T | null => value ?? null

/** First year of the decade. */
export const band = (year: number): number => Math.floor(year / 10) * 10

/** First two characters. */
export const region = (postcode: string): string => [...postcode.trim()].slice(0, 2).join('')

/** What both hashes are made from. */
export const normalAddress = (address: string): string => address.trim().toLowerCase()

export const plainHash = (address: string): string => createHash('sha256').update(normalAddress(address)).digest('hex')

/** Stands for "there is one". */
export const presence = 'present'

const onValue =
  <T>(reduce: (value: T, clientId: string) => T): Reader<T> =>
  (value, clientId) =>
    value === null || value === undefined ? null : reduce(value, clientId)

export function textReader(decided: Form | 'withheld', hashFor: HashFor): Reader<string> {
  if (decided === 'withheld') return withheld
  switch (decided.form) {
    case 'FULL':
      return whole
    case 'REGION':
      return onValue(region)
    case 'HASH':
      return onValue(decided.matchable ? plainHash : (address, clientId) => hashFor(clientId, normalAddress(address)))
    case 'PRESENCE':
      return onValue(() => presence)
    case 'BAND':
      return withheld
  }
}

export function yearReader(decided: Form | 'withheld'): Reader<number> {
  if (decided === 'withheld') return withheld
  if (decided.form === 'FULL') return whole
  return decided.form === 'BAND' ? onValue(band) : withheld
}
