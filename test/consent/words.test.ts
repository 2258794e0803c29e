import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { carriesGpc, gpcSupport } from '../../src/consent/gpc.ts'
import { localeFor, purposesIn } from '../../src/consent/texts.ts'
import { demoPolicy } from './fixture.ts'

describe('the language that people are asked in', () => {
  const policy = { ...demoPolicy, locales: ['en', 'de-AT', 'de', 'pt-BR'], defaultLocale: 'en' }

  test.each([
    [null, 'en'],
    ['', 'en'],
    ['fr', 'en'],
    ['de', 'de'],
    ['DE-at', 'de-AT'],
    // No text in Swiss German: the first one in German.
    ['de-CH', 'de-AT'],
    ['pt', 'pt-BR'],
    ['fr, de;q=0.5, en;q=0.1', 'de'],
    ['en;q=0.2,de; q=0.9', 'de'],
    ['fr;q=0.9, de;q=0.3, en;q=0.3', 'de'],
    // Without a weight: one.
    ['en;q=0.9, de', 'de'],
    ['de;level=1;q=0.1, en;q=0.5', 'en'],
    ['de;q=0.25, en;q=0.5', 'en'],
    // What weighs nothing is not wanted, and what is no weight is none.
    ['de;q=0', 'en'],
    ['de;q=0, pt;q=0.1', 'pt-BR'],
    ['en;q=0.5, de;xq=0.1', 'de'],
    ['en;q=0.5, de;q=0.1x', 'de'],
  ])('%s → %s', (wanted, locale) => expect(localeFor(wanted, policy)).toBe(locale))

  test('is one of the policy’s, whatever a browser sends, and not all of it is read', () => {
    fc.assert(fc.property(fc.string(), (wanted) => policy.locales.includes(localeFor(wanted, policy))))
    const long = (many: number) => `${'x'.repeat(many)},de`
    expect([localeFor(long(497), policy), localeFor(long(498), policy)]).toEqual(['de', 'en'])
  })

  test('purposes in words, in policy order, built-in ones left out', () => {
    const inGerman = purposesIn('de', demoPolicy)
    expect(inGerman.map(({ id }) => id)).toEqual(['order_processing', 'personalised_shop', 'email_marketing', 'personalised_ads', 'fraud_prevention'])
    expect(inGerman[3]).toEqual({
      id: 'personalised_ads',
      title: 'Unsere Werbung anderswo',
      text: expect.stringMatching(/^Eine Werbeplattform .* passt\.$/),
      textVersion: '2026-01',
      legalBasis: 'CONSENT',
      categories: [
        { category: 'user.contact.email', form: 'HASH' },
        { category: 'user.demographic', form: 'BAND' },
        { category: 'user.contact.address.postal_code', form: 'REGION' },
      ],
      clients: ['ads'],
    })
    expect(purposesIn('tlh', demoPolicy)[0]).toMatchObject({ title: 'order_processing', text: '' })
  })
})

describe('Global Privacy Control', () => {
  test.each([
    [undefined, false],
    ['1', true],
    [' 1 ', true],
    ['0', false],
    ['', false],
    ['11', false],
    ['1;p=1', false],
    ['0, 1', true],
    [['0', ' 1'], true],
    [['0'], false],
    // Lines of a header that came apart are not taken apart further.
    [['0,1'], false],
    [[], false],
  ])('%j is heard: %s', (header, heard) => expect(carriesGpc(header)).toBe(heard))

  test('is told to be supported where a purpose hears it, as of the newest text', () => {
    expect(gpcSupport(demoPolicy)).toEqual({ gpc: true, lastUpdate: '2026-01-15' })
    const [first, ...others] = demoPolicy.purposes
    expect(first?.builtIn).toBe(true)
    const dated = others.map((purpose, i) => ({ ...purpose, onGpc: null, textDate: ['', '2026-03-01', '2026-11-30', '2026-02-01'][i] ?? '' }))
    expect(gpcSupport({ ...demoPolicy, purposes: dated })).toEqual({ gpc: false, lastUpdate: '2026-11-30' })
    expect(gpcSupport({ ...demoPolicy, purposes: [] })).toEqual({ gpc: false, lastUpdate: '' })
    expect(gpcSupport({ ...demoPolicy, purposes: demoPolicy.purposes.map((one) => ({ ...one, builtIn: true })) }).lastUpdate).toBe('')
  })
})
