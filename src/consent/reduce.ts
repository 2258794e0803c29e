import { hash } from 'node:crypto'
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

/** What the keyed hash is made from, and the plain one of Meta's Custom Audiences and of most other platforms. */
export const normalAddress = (address: string): string => address.trim().toLowerCase()

export const plainHash = (address: string): string => sha256(normalAddress(address))

const sha256 = (text: string): string => hash('sha256', text)

const googleMail = new Set(['gmail.com', 'googlemail.com'])

/**
 * An address as Google's Customer Match hashes it (Data Manager API, "Format user data"): no blanks, lower case, and of Google's own
 * mailboxes without dots and without what follows a plus.
 */
export function googleAddress(address: string): string {
  const plain = address.replace(/\s/g, '').toLowerCase()
  const at = plain.lastIndexOf('@')
  if (!googleMail.has(plain.slice(at + 1))) return plain
  return `${plain.slice(0, at).replace(/\+.*/, '').replaceAll('.', '')}${plain.slice(at)}`
}

const googleHash = (address: string): string => sha256(googleAddress(address))

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
      return onValue(
        decided.matchable === false
          ? (address, clientId) => hashFor(clientId, normalAddress(address))
          : decided.matchable === 'google'
            ? googleHash
            : plainHash,
      )
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
