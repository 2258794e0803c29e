import { assert, domain, emailAddress, oneof, property, string, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { normaliseAddress } from '../../src/linking/address.ts'

test.each([
  ['B11 letters of the ASCII alphabet in lower case, in both parts', 'Alice@Example.COM', 'alice@example.com'],
  ['B12 dots and tags belong to the mailbox', 'a.lice+x@gmail.com', 'a.lice+x@gmail.com'],
  ['B15 the Unicode form of a domain and its punycode are one', 'a@MÜNCHEN.example', 'a@xn--mnchen-3ya.example'],
  ['B15 the Unicode form of a domain and its punycode are one', 'a@xn--mnchen-3ya.example', 'a@xn--mnchen-3ya.example'],
  ['B15 a Cyrillic letter is another domain', 'a@\u0430pple.example', 'a@xn--pple-43d.example'],
  ['B14 sharp s is not ss', 'a@stra\u00dfe.example', 'a@xn--strae-oqa.example'],
  ['all signs that a local part may hold', "a!#$%&'*+-/=?^_`{|}~@example.com", "a!#$%&'*+-/=?^_`{|}~@example.com"],
])('%s', (_, text, address) => {
  expect(normaliseAddress(text)).toBe(address)
})

test.each([
  ['B13 full-width at', 'a\uff20example.com'],
  ['B13 full-width letters in the domain', 'a@\uff45xample.com'],
  ['B13 full-width letters before it', '\uff41@example.com'],
  ['B13 ideographic full stop', 'a@example\u3002com'],
  ['B14 Kelvin sign', 'a@\u212aelvin.com'],
  ['B14 Kelvin sign before the at', '\u212a@example.com'],
  ['B14 long s', 'a@\u017fhop.com'],
  ['B14 dotless i before the at', 'al\u0131ce@example.com'],
  ['B14 dotted capital I', 'a@\u0130stanbul.com'],
  ['B15 Cyrillic letter before the at', '\u0430lice@example.com'],
  ['B16 zero width', 'a\u200b@example.com'],
  ['B16 soft hyphen in the domain', 'a@exam\u00adple.com'],
  ['B16 NUL', 'a\0@example.com'],
  ['B16 trailing space', 'a@example.com '],
  ['B16 leading space', ' a@example.com'],
  ['B16 trailing dot', 'a@example.com.'],
  ['B16 bidi mark', 'a@example.com\u200e'],
  ['B16 joiner in the domain', 'a@ex\u200dample.com'],
  ['B17 two addresses', 'a@x.com,b@y.com'],
  ['B17 quoted', '"a@x.com"@y.com'],
  ['B17 quoted plain', '"a"@y.com'],
  ['B17 comment', 'a(b)@y.com'],
  ['B17 two at signs', 'a@b@y.com'],
  ['B17 CR LF', 'a@y.com\r\nBcc: b@y.com'],
  ['B17 display name', 'A <a@y.com>'],
  ['no local part', '@example.com'],
  ['no domain', 'a@'],
  ['no at', 'undefined'],
  ['empty', ''],
  ['host without a dot', 'a@localhost'],
  ['number', 'a@127.0.0.1'],
  ['literal', 'a@[127.0.0.1]'],
  ['dots in a row', 'a..b@example.com'],
  ['leading dot', '.a@example.com'],
  ['empty label', 'a@example..com'],
  ['hyphen at the edge', 'a@-example.com'],
  ['broken punycode', 'a@xn--zzzz.com'],
  ['port', 'a@example.com:25'],
  ['path', 'a@example.com/x'],
  ['long local part', `${'a'.repeat(65)}@example.com`],
  ['255 characters', `${'a'.repeat(60)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(8)}.com`],
])('%s is refused', (_, text) => {
  expect(normaliseAddress(text)).toBeNull()
})

const anyText = oneof(
  string({ unit: 'binary' }),
  emailAddress(),
  tuple(string({ unit: 'grapheme' }), domain()).map((parts) => parts.join('@')),
)

test('what comes out is plain, and stays as it is when normalised again', () => {
  assert(
    property(anyText, (text) => {
      const address = normaliseAddress(text)
      if (address === null) return
      expect(address).toMatch(/^[\x21-\x7e]+$/)
      expect(address).not.toMatch(/[A-Z]/)
      expect(address.split('@')).toHaveLength(2)
      expect(address.length).toBeLessThanOrEqual(254)
      expect(normaliseAddress(address)).toBe(address)
    }),
  )
})

test('no two mailboxes become one: only ASCII capitals may differ before the at', () => {
  assert(
    property(string({ unit: 'binary', maxLength: 20 }), (local) => {
      const lower = local.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      expect([null, `${lower}@example.com`]).toContain(normaliseAddress(`${local}@example.com`))
    }),
  )
})

test('fifty thousand near-matches take no time', () => {
  const started = performance.now()
  for (const text of [`${'a.'.repeat(50_000)}@x.com`, `a@${'a.'.repeat(50_000)}`, `a@${'-'.repeat(250)}`]) expect(normaliseAddress(text)).toBeNull()
  expect(performance.now() - started).toBeLessThan(10)
})
