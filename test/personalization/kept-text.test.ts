import { describe, expect, test } from 'vitest'
import { keptText } from '../../src/personalization/kept-text.ts'

describe('F12 of a text in an event', () => {
  test.for([
    '+49 (0)30 901820',
    '+4930901820',
    '0041 44 668 18 00',
    '030/901820',
    '(030) 901820',
    '0171-1234567',
    '0171/123 45 67',
    '01711234567',
    '(555) 123-4567',
    '555.123.4567',
    'please call 0171 1234567 before noon',
    'for ada@people.example',
    'ada%40people.example',
  ])('%s is not kept', (text) => {
    expect(keptText(text)).toBeNull()
  })

  test.for([
    '0306406152',
    '0-306-40615-2',
    '978-0-306-40615-7',
    '4006381333931',
    '0012345678905',
    'SKU-0815-4711-99',
    '05.01.2026 10:30',
    '2026-01-05T10:00:00Z',
    '12 345 678 EUR',
    'Tent for 2 + 1',
    'size 042',
  ])('the number of an article, a day, an amount: %s is kept', (text) => {
    expect(keptText(text)).toBe(text)
  })

  test('a long text costs little, whatever it is made of', () => {
    const began = performance.now()
    for (const piece of ['0', '1 ', '01', '(0', '-0', '+0', '2-2', 'a@', '@a', '00 1']) keptText(piece.repeat(2_000))
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})
