import { expect, test } from 'vitest'
import { isOldEnough } from '../../src/consent/age.ts'

test.each([
  ['who turns sixteen this year may still be fifteen', 2010, '2026-12-31', false],
  ['a day later they are sixteen for certain', 2010, '2027-01-01', true],
  ['who is older', 1987, '2026-01-01', true],
  ['who says to be born tomorrow', 2027, '2026-01-01', false],
  ['who has named no year', undefined, '2026-01-01', false],
] as const)('I6 of sixteen years: %s', (_, birthYear, day, enough) => {
  const row = birthYear === undefined ? {} : { birthYear }
  expect(isOldEnough({ minimumAge: 16 }, row, new Date(`${day}T12:00:00Z`))).toBe(enough)
  expect(isOldEnough({ minimumAge: null }, row, new Date(`${day}T12:00:00Z`))).toBe(true)
})
