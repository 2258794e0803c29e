import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { googleAddress, normalAddress, textReader } from '../../src/consent/reduce.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const hashed = (matchable: true | 'google', address: string) => textReader({ form: 'HASH', matchable }, () => 'keyed')(address, 'ads')

/** Addresses and what the two platforms make of them. */
const known: readonly [address: string, google: string, meta: string][] = [
  ['cloudy.sanfrancisco+shopping@gmail.com', 'cloudysanfrancisco@gmail.com', 'cloudy.sanfrancisco+shopping@gmail.com'],
  [' Cloudy.SanFrancisco@googlemail.com ', 'cloudysanfrancisco@googlemail.com', 'cloudy.sanfrancisco@googlemail.com'],
  ['user.name+NYC@Example.com', 'user.name+nyc@example.com', 'user.name+nyc@example.com'],
  ['a.b+c@gmail.com.example.com', 'a.b+c@gmail.com.example.com', 'a.b+c@gmail.com.example.com'],
  ['a.b@notgmail.com', 'a.b@notgmail.com', 'a.b@notgmail.com'],
  ['a. b@gmail.com', 'ab@gmail.com', 'a. b@gmail.com'],
]

test.each(known)('%s', (address, google, meta) => {
  expect([googleAddress(address), normalAddress(address)]).toEqual([google, meta])
  expect([hashed('google', address), hashed(true, address)]).toEqual([sha256(google), sha256(meta)])
})

test('hashes as the platforms publish them', () => {
  expect(hashed('google', 'cloudy.sanfrancisco+shopping@gmail.com')).toBe('223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4')
  expect(hashed(true, 'cloudy.sanfrancisco+shopping@gmail.com')).toBe('8dd4a9bf850242873c14976125edabc35096192b784626a5641a7d2de56e3c1e')
  for (const matchable of ['google', true] as const)
    expect(hashed(matchable, 'user.name+NYC@Example.com')).toBe('f109a2a632fbcea5fc82049f50beed3d8621bf9034399f437fb622222acccdac')
})

test('normalising twice is normalising once, and a mailbox that is not Google’s keeps its dots and tags', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (address) => {
      expect(googleAddress(googleAddress(address))).toBe(googleAddress(address))
      if (!/@(gmail|googlemail)\.com$/i.test(address)) expect(googleAddress(address)).toBe(address.toLowerCase())
    }),
  )
})
