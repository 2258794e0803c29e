import { readFile } from 'node:fs/promises'
import { assert, property, string } from 'fast-check'
import { buildSchema, parse, validate } from 'graphql'
import { create } from 'qrcode'
import { describe, expect, test } from 'vitest'
import { attentionOf } from '../../src/pages/account-attention.ts'
import { accountQuery, mutations, seenQuery, waysQuery } from '../../src/pages/account-data.ts'
import { chosen, inOrderOfUse } from '../../src/pages/device.ts'
import { escapeText, html } from '../../src/pages/html.ts'
import { onwardToClient } from '../../src/pages/layout.ts'
import { qrCode } from '../../src/pages/qr-code.ts'
import { changesIn, entriesOf } from '../../src/pages/profile-form.ts'
import { stylesheet, stylesheetPath } from '../../src/pages/style.ts'
import { categoryWord, durationWord, fieldWord, languageOf, wordsIn } from '../../src/pages/words.ts'
import { anna, policy } from './stage.ts'

describe('templates', () => {
  test('text cannot leave its place, between tags or in an attribute', () =>
    assert(
      property(string({ unit: 'binary' }), (text) => {
        const inside = html`<p title="${text}">${text}</p>`.text.slice('<p title="'.length, -'</p>'.length)
        expect(inside.replace('">', '')).not.toMatch(/[<>"']/)
      }),
    ))

  test('escaping loses nothing', () => {
    expect(escapeText(`<a href="x">&'`)).toBe('&lt;a href=&quot;x&quot;&gt;&amp;&#39;')
  })

  test('markup of our own stays markup, what is absent leaves nothing', () => {
    expect(html`${[html`<b>${'<'}</b>`, null, false, undefined]}${3}`.text).toBe('<b>&lt;</b>3')
  })
})

describe('words', () => {
  test('both languages say something everywhere', () => {
    const emptyAllowed = ['forms.FULL']
    const leaves = (value: unknown, path: string): string[] =>
      typeof value === 'string'
        ? value === ''
          ? [path]
          : []
        : Object.entries(value as object).flatMap(([key, one]) => leaves(one, path === '' ? key : `${path}.${key}`))
    expect(leaves(wordsIn('de'), '')).toEqual(emptyAllowed)
    expect(leaves(wordsIn('en'), '')).toEqual(emptyAllowed)
  })

  test('both languages know the same fields and categories', () => {
    expect(Object.keys(wordsIn('de').fields)).toEqual(Object.keys(wordsIn('en').fields))
    expect(Object.keys(wordsIn('de').categories)).toEqual(Object.keys(wordsIn('en').categories))
  })

  test('a category without a word of its own is told by its parent', () => {
    expect(categoryWord(wordsIn('en'), 'user.contact.address.city')).toBe('Address (city)')
    expect(categoryWord(wordsIn('de'), 'user.contact.email')).toBe('E-Mail-Adresse')
    expect(fieldWord(policy, 'en', 'Traits.shoeSize')).toBe('shoeSize')
  })

  test('traits of the shop are called as its policy says, in the language of the page or the shop’s first one', () => {
    expect(['Traits.clothingSize', 'traits.clothingSize', 'ordersLastYear'].map((name) => fieldWord(policy, 'de', name))).toEqual([
      'Kleidergröße',
      'Kleidergröße',
      'Bestellungen in einem Jahr',
    ])
    const attributes = policy.attributes.map((attribute) => ({ ...attribute, titles: new Map([['en', 'Size']]) }))
    expect(fieldWord({ ...policy, attributes }, 'de', 'Traits.clothingSize')).toBe('Size')
    expect(fieldWord(policy, 'de', 'Customer.email')).toBe('E-Mail-Adresse')
  })

  test.for([
    [['fr, de-AT;q=0.8, en;q=0.5'], 'de'],
    [[undefined, null, 'en-GB'], 'en'],
    [['de', 'en'], 'de'],
    [['xx', '', '*'], 'en'],
  ] as const)('of the wishes %j the pages speak %s', ([wishes, language]) => {
    expect(languageOf(wishes, 'en')).toBe(language)
  })

  test('durations are told in the language of the reader', () => {
    expect(durationWord('de', 'P1Y6M')).toBe('1 Jahr und 6 Monate')
    expect(durationWord('en', 'P30D')).toBe('30 days')
  })
})

test.for([
  ['web', ['https://shop.example/in', 'https://shop.example/de/in'], ['https:']],
  ['web', ['https://shop.example/in', 'http://localhost:3000/in'], ['https:', 'http://localhost:3000']],
  ['native', ['http://127.0.0.1/in', 'http://[::1]/in', 'example.shop.app:/in'], ['https:', 'http://127.0.0.1:*', 'http://[::1]:*', 'example.shop.app:']],
] as const)('forms of a %s client with %j lead to %j', ([application, redirectUris, sources]) => {
  expect(onwardToClient({ application, redirectUris })).toEqual(sources)
})

describe('the order of the ways in', () => {
  const ways = ['google', 'apple', 'facebook'].map((id) => ({ id, name: id, available: () => true }))
  const ids = (used: [string, number][]) => inOrderOfUse(ways, used).map(({ id }) => id)

  test('is the configuration’s where nothing was used', () => expect(ids([])).toEqual(['google', 'apple', 'facebook']))
  test('begins with the most used', () =>
    expect(
      ids([
        ['facebook', 1],
        ['apple', 4],
      ]),
    ).toEqual(['apple', 'facebook', 'google']))
  test('prefers the later of two equals', () =>
    expect(
      ids([
        ['facebook', 2],
        ['apple', 2],
      ]),
    ).toEqual(['facebook', 'apple', 'google']))

  test('a choice moves to the front and counts', () => {
    expect(
      chosen(
        [
          ['google', 2],
          ['apple', 1],
        ],
        'apple',
      ),
    ).toEqual([
      ['apple', 2],
      ['google', 2],
    ])
  })
})

describe('the profile form', () => {
  const form = Object.fromEntries(
    entriesOf(policy, { ...anna, consents: [] }).flatMap(({ name, value }) => [
      [name, value],
      [`was:${name}`, value],
    ]),
  )

  test('left as it is changes nothing', () => expect(changesIn(policy, form)).toEqual({}))

  test('sends what was changed and clears what was emptied', () => {
    expect(changesIn(policy, { ...form, givenName: ' Anne ', birthYear: '1988', postcode: '' })).toEqual({ givenName: 'Anne', birthYear: 1988, postcode: null })
  })

  test('sends attributes in their own types', () => {
    const changed = { ...form, 'traits.favouriteColours': 'red, , blue', 'traits.newsletterRhythm': 'WEEKLY', 'traits.clothingSize': '' }
    expect(changesIn(policy, changed)).toEqual({ traits: { clothingSize: null, favouriteColours: ['red', 'blue'], newsletterRhythm: 'WEEKLY' } })
  })

  test('leaves it to the API to refuse what does not fit', () => {
    expect(changesIn(policy, { ...form, birthYear: 'long ago', role: 'admin' })).toEqual({ birthYear: 'long ago' })
  })
})

describe('what needs attention', () => {
  const login = (provider: string, state: 'active' | 'revoked' | 'blocked' | 'gone' = 'active') => ({ id: provider, provider, state, linkedAt: '' })
  const factor = (kind: 'passkey' | 'totp' | 'recoveryCodes', left?: number) => ({ id: kind, kind, addedAt: '', left })
  const [google, apple] = [login('google'), login('apple')]
  const told = (identities: ReturnType<typeof login>[], factors: ReturnType<typeof factor>[] = [], why?: 'notMe') =>
    attentionOf({ identities, factors, alert: why ? { why } : null }).map(({ what, provider, left }) =>
      [what, provider ?? left].filter((one) => one !== undefined).join(' '),
    )

  test.for([
    ['two logins', told([google, apple]), []],
    ['one login', told([google]), ['oneWay google']],
    ['one login and a passkey without codes', told([google], [factor('passkey')]), ['noCodes']],
    ['an app alone beside one login', told([google], [factor('totp'), factor('recoveryCodes', 10)]), ['oneWay google']],
    ['few codes', told([google, apple], [factor('totp'), factor('recoveryCodes', 3)]), ['fewCodes 3']],
    ['enough codes', told([google, apple], [factor('totp'), factor('recoveryCodes', 4)]), []],
    ['a provider that was lost', told([google, login('apple', 'gone')]), ['gone apple', 'oneWay google']],
    ['every provider lost', told([login('google', 'blocked')]), ['blocked google', 'noWay']],
    ['a permission taken back, which a sign-in gives again', told([login('google', 'revoked')]), ['revoked google', 'oneWay google']],
    ['an alert, before all else', told([google, login('apple', 'blocked')], [factor('passkey')], 'notMe'), ['notMe', 'blocked apple', 'noCodes']],
  ] as const)('%s', ([, seen, wanted]) => expect(seen).toEqual(wanted))
})

test('a QR code says what was put into it', () => {
  const text = 'otpauth://totp/House?secret=JBSWY3DPEHPK3PXP'
  const { data, size } = create(text, { errorCorrectionLevel: 'M' }).modules
  const drawn = qrCode(text, 'A picture').text
  const dark = new Set([...drawn.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => (Number(y) - 4) * size + Number(x) - 4))
  expect(drawn).toContain('role="img" aria-label="A picture"')
  expect(dark).toEqual(new Set([...data.keys()].filter((at) => data[at])))
})

test('the account centre asks our own API for what it has', async () => {
  const sdl = await readFile(new URL('../../schema/entente.graphql', import.meta.url), 'utf8')
  const schema = buildSchema(sdl, { assumeValidSDL: true })
  for (const operation of [accountQuery(policy), waysQuery, seenQuery(20), ...Object.values(mutations)]) expect(validate(schema, parse(operation))).toEqual([])
})

test('the style sheet asks for nothing from elsewhere and has both schemes', () => {
  expect(stylesheet).not.toMatch(/url\(|@import|https?:/)
  expect(stylesheet).toContain('prefers-color-scheme:dark')
  expect(stylesheetPath).toMatch(/^\/assets\/[\w-]{16}\.css$/)
})
