import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { openProviders } from '../../src/broker/providers.ts'
import { readProviders } from '../../src/broker/providers-file.ts'

const own = 'id: haus\n  name: Haus\n  issuer: https://id.haus.example/\n  clientId: entente'

test('a provider needs five lines', () => {
  expect(readProviders(`- ${own}\n  clientSecret: s`, 'providers.yaml')).toEqual([
    {
      id: 'haus',
      name: 'Haus',
      issuer: 'https://id.haus.example/',
      clientId: 'entente',
      clientSecret: 's',
      scopes: ['openid', 'email', 'profile'],
      authoritativeFor: [],
      trustedAudiences: [],
      textFlags: false,
    },
  ])
  expect(readProviders('', 'providers.yaml')).toEqual([])
})

test.each([
  ['no secret and no key', `- ${own}`, 'either clientSecret or privateKey'],
  ['both', `- ${own}\n  clientSecret: s\n  privateKey: k`, 'either clientSecret or privateKey'],
  ['an empty client id', `- id: haus\n  name: Haus\n  issuer: https://id.haus.example\n  clientId: ''\n  clientSecret: s`, 'clientId'],
  ['a built-in name', `- ${own.replace('haus', 'google')}\n  clientSecret: s`, 'built-in'],
  ['a name for the prototype', `- ${own.replace('haus', '__proto__')}\n  clientSecret: s`, 'id'],
  ['an id twice', `- ${own}\n  clientSecret: s\n- ${own}\n  clientSecret: s`, 'twice'],
  ['a member that is not known', `- ${own}\n  clientSecret: s\n  secret: top-secret`, 'secret'],
])('%s is refused, without the values', (_, text, words) => {
  expect(() => readProviders(text, 'providers.yaml')).toThrow(words)
  expect(() => readProviders(text, 'providers.yaml')).not.toThrow('top-secret')
})

const withKey = (privateKey: string) =>
  openProviders({
    allowLoopback: false,
    further: readProviders(
      JSON.stringify([{ id: 'haus', name: 'Haus', issuer: 'https://id.haus.example', clientId: 'entente', privateKey }]),
      'providers.json',
    ),
  })

test('a key instead of a secret: RSA or EC, and a sentence without the key when it is neither', () => {
  for (const { privateKey } of [generateKeyPairSync('ec', { namedCurve: 'P-256' }), generateKeyPairSync('rsa', { modulusLength: 2048 })]) {
    expect(withKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()).has('haus')).toBe(true)
  }
  expect(() => withKey('top-secret')).toThrow(/^(?!.*top-secret).*privateKey of the provider haus/)
})
