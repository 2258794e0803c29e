import { expect, test } from 'vitest'
import type { Letter } from '../../src/mail/letter.ts'
import { letterFor } from '../../src/mail/letters.ts'

const house = { name: 'Example Shops', publicUrl: 'https://id.shop.example' }
const letters: readonly Letter[] = [
  { kind: 'signInCode', facts: { code: '12345678', minutes: 10 } },
  { kind: 'newDevice', facts: { device: 'Firefox on Linux', place: 'Berlin, DE', at: '2026-03-01T12:00:00Z', link: `${house.publicUrl}/account/not-me?t=x` } },
  { kind: 'identityLinked', facts: { provider: 'Google' } },
  { kind: 'identityUnlinked', facts: { provider: 'Google' } },
  { kind: 'providerLost', facts: { provider: 'Apple', why: 'deleted' } },
  { kind: 'factorAdded', facts: { factor: 'passkey' } },
  { kind: 'factorRemoved', facts: { factor: 'recoveryCodes' } },
  { kind: 'recoveryCodeUsed', facts: { left: 7 } },
  { kind: 'factorLocked', facts: {} },
  { kind: 'confirmConsent', facts: { title: 'Our newsletter', text: 'We write to you.', link: `${house.publicUrl}/consent/confirm?t=x` } },
  { kind: 'merged', facts: {} },
  { kind: 'mergeUndone', facts: {} },
  { kind: 'addressChanged', facts: {} },
  { kind: 'erasureRequested', facts: { at: '2026-03-01T12:00:00Z' } },
  { kind: 'erasureCancelled', facts: {} },
]

const urls = (text: string) => [...text.matchAll(/https?:[^\s"<]+/g)].map(([url]) => url)

test.for(letters.flatMap((letter) => (['de', 'en'] as const).map((locale) => [`${letter.kind} in ${locale}`, letter, locale] as const)))(
  '%s loads nothing, leads to us only, and says the same in both forms',
  ([, letter, locale]) => {
    const { subject, text, html } = letterFor({ ...letter, locale, house })
    expect(subject).toMatch(/^Example Shops: \S[^\r\n]+$/)
    expect(html).not.toMatch(/<(img|link|script|iframe|style|object|form)\b|\bsrc=|url\(|@import/i)
    expect(html).toContain(`lang="${locale}"`)
    expect(urls(text)).not.toHaveLength(0)
    expect([...urls(text), ...urls(html)].filter((url) => !url.startsWith(`${house.publicUrl}/`))).toEqual([])
    expect(urls(html)).toEqual(urls(text))
    if (letter.kind === 'signInCode') for (const form of [text, html]) expect(form).toContain('12345678')
  },
)

test('German for Germans, English for everybody else', () => {
  const linked = { kind: 'identityLinked', facts: { provider: 'Google' } } as const
  expect(letterFor({ ...linked, locale: 'de-AT', house }).text).toContain('öffnet ab jetzt Ihr Konto')
  for (const locale of ['en', 'fr', '', null]) expect(letterFor({ ...linked, locale, house }).text).toContain('opens your account')
})

test.for([
  ['a header', 'Google\r\nBcc: all@evil.example', 'Google Bcc all evil example'],
  ['markup', '<a href="https://evil.example">x</a>', 'a href https evil example x a'],
  ['a link that mail programs would make', 'visit evil.example/now and www.evil.example', 'visit evil example now and www evil example'],
  ['full-width dots and slashes', 'evil．example／x', 'evil example x'],
  ['a line separator', 'a\u2028b\u0000c', 'a b c'],
] as const)('%s in a value is plain words on one line', ([, provider, said]) => {
  const { subject, text, html } = letterFor({ kind: 'providerLost', facts: { provider, why: 'revoked' }, locale: 'en', house })
  expect(subject).toBe(`Example Shops: ${said} no longer works as your login`)
  for (const form of [text, html]) expect(form).not.toMatch(/evil\.example/)
})

test('versions keep their dots, and long values their beginning', () => {
  const at = '2026-03-01T12:00:00Z'
  const device = (text: string) => letterFor({ kind: 'newDevice', facts: { device: text, at, link: `${house.publicUrl}/x` }, locale: 'en', house }).text
  expect(device('Firefox 128.0 on Linux')).toContain(': Firefox 128.0 on Linux, Mar 1, 2026')
  expect(device('x'.repeat(500))).not.toContain('x'.repeat(61))
})

test('a link that leads elsewhere is refused, look-alikes included', () => {
  for (const link of ['https://evil.example/', 'https://id.shop.example.evil.example/', 'https://id.shop.example@evil.example/', 'javascript:alert(1)']) {
    const facts = { device: 'x', at: '2026-03-01T12:00:00Z', link }
    expect(() => letterFor({ kind: 'newDevice', facts, locale: 'en', house }), link).toThrow(TypeError)
  }
})
