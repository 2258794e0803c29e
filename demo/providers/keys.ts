import { createHmac, createHash, generateKeyPair, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Switches } from './switches.ts'

export interface KeyKind {
  readonly alg: 'RS256' | 'ES256'
  readonly count: number
  readonly kid: () => string
}
interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}
export interface KeyRing {
  readonly jwks: (s: Switches) => object
  readonly sign: (claims: string, s: Switches, header?: object) => string
  readonly rotate: () => Promise<void>
}

const generateRsa = promisify(generateKeyPair)

/** A provider's own keys. Any of them signs, in turn, as the real ones do; `rotate` replaces all of them at once. */
export async function openKeyRing(kind: KeyKind): Promise<KeyRing> {
  let keys = await makeKeys(kind)
  let turn = 0
  let foreign: KeyObject | undefined
  return {
    jwks: (s) => ({ keys: published(keys, kind, s) }),
    sign(claims, s, header) {
      const key = keys[turn++ % keys.length]
      if (key === undefined) throw new Error('a key ring is never empty')
      const privateKey = s.badSignature ? (foreign ??= strangersKey(kind)) : key.privateKey
      return compact({ ...key, privateKey }, kind.alg, claims, s, header)
    },
    async rotate() {
      keys = await makeKeys(kind)
    },
  }
}

/** The left half of a SHA-256, as `at_hash` and `c_hash` have it (OpenID Connect Core 3.1.3.6). */
export const halfHash = (value: string) => createHash('sha256').update(value).digest().subarray(0, 16).toString('base64url')

async function makeKeys({ alg, count, kid }: KeyKind): Promise<readonly SigningKey[]> {
  const pair = () => (alg === 'RS256' ? generateRsa('rsa', { modulusLength: 2048 }) : generateRsa('ec', { namedCurve: 'P-256' }))
  return Promise.all(Array.from({ length: count }, async () => ({ kid: kid(), ...(await pair()) })))
}

const strangersKey = ({ alg }: KeyKind) =>
  (alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })).privateKey

function compact(key: SigningKey, alg: KeyKind['alg'], claims: string, s: Switches, header: object = {}): string {
  const said = s.algNone ? (s.algNone === true ? 'none' : s.algNone) : s.hs256 ? 'HS256' : alg
  const kid = s.unknownKid ? randomBytes(20).toString('hex') : key.kid
  const input = `${encode(JSON.stringify({ alg: said, kid, typ: 'JWT', ...s.header, ...header }))}.${encode(claims)}`
  if (s.algNone) return `${input}.`
  if (s.hs256)
    return `${input}.${createHmac('sha256', key.publicKey.export({ type: 'spki', format: 'pem' }))
      .update(input)
      .digest('base64url')}`
  return `${input}.${sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function published(keys: readonly SigningKey[], { alg }: KeyKind, s: Switches): readonly object[] {
  const own = keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }))
  if (s.hugeJwks) return [...own, ...Array.from({ length: 10_000 }, (_, n) => ({ ...own[0], kid: `filler-${n}` }))]
  if (!s.extraJwksKeys) return own
  const [first] = keys
  return [
    { kty: 'oct', kid: first?.kid, k: randomBytes(32).toString('base64url'), alg: 'HS256' },
    { ...own[0], kid: 'for-encryption', use: 'enc', alg: 'RSA-OAEP' },
    { ...first?.privateKey.export({ format: 'jwk' }), kid: 'leaked-private', use: 'sig' },
    ...own,
    { kty: 'EC', crv: 'P-521', x: 'AA', y: 'AA', kid: first?.kid, use: 'sig' },
  ]
}

const encode = (value: string) => Buffer.from(value).toString('base64url')
