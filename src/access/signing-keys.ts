import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, calculateJwkThumbprint, importJWK, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { KeyStore } from '../storage/keys.ts'
import { planKeys, type Generation } from './key-rotation.ts'

/** Access tokens and receipts: cheap to sign, short. ID tokens are RS256, which every client library can check. */
export const accessTokenAlgorithm = 'ES256'

const privateJwk = z.looseObject({ kty: z.string(), d: z.string() })
const storedKeys = z.strictObject({ madeAt: z.coerce.date(), es256: privateJwk, rs256: privateJwk })

/** The keys of this moment; replaced as a whole when one is added or removed. */
export interface KeySet {
  /** Private parts included, the signing ones first: for the OpenID provider only. */
  readonly jwks: { readonly keys: readonly JWK[] }
  /** Checks access tokens, by `kid`. */
  readonly verifiers: ReadonlyMap<string, CryptoKey>
  readonly signer: { readonly kid: string; readonly key: CryptoKey }
  /** Differs when the set does. */
  readonly version: string
}

export interface SigningKeys {
  current(): KeySet
  /** Reads the stored keys again, makes a successor and drops what has ended. True when the set is another one now. */
  refresh(): Promise<boolean>
  /** A JWS of ours that is no token: `type` keeps it from being taken for one (RFC 8725, 3.11). */
  sign(payload: JWTPayload, type: string): Promise<string>
}

/** Opens the keys, making the first ones at the first start. Processes agree since a generation's name is its number. */
export async function openSigningKeys(store: KeyStore, now: () => Date): Promise<SigningKeys> {
  let set = await read(store, now())
  return {
    current: () => set,
    async refresh() {
      const next = await read(store, now())
      const changed = next.version !== set.version
      set = next
      return changed
    },
    sign: (payload, type) => new SignJWT(payload).setProtectedHeader({ alg: accessTokenAlgorithm, kid: set.signer.kid, typ: type }).sign(set.signer.key),
  }
}

type StoredGeneration = Generation & Pick<z.infer<typeof storedKeys>, 'es256' | 'rs256'>

async function read(store: KeyStore, now: Date): Promise<KeySet> {
  const plan = planKeys(await generations(store, now), now)
  for (const { name } of plan.removable) await store.remove(name)
  if (plan.successorDue) await store.obtain(nameAfter(plan.published), () => newKeys(now))
  return keySet(plan.successorDue ? planKeys(await generations(store, now), now).published : plan.published)
}

async function generations(store: KeyStore, now: Date): Promise<[StoredGeneration, ...StoredGeneration[]]> {
  const [first, ...others] = await stored(store)
  if (first) return [first, ...others]
  await store.obtain(nameAfter([]), () => newKeys(now))
  const [made, ...rest] = await stored(store)
  if (made === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: 'signing keys' })
  return [made, ...rest]
}

/** Oldest first: a generation's name is its number. */
async function stored(store: KeyStore): Promise<StoredGeneration[]> {
  const rows = await store.list('signing')
  return rows
    .map(({ name, key }) => {
      const { madeAt, es256, rs256 } = storedKeys.parse(JSON.parse(key.toString()))
      return { name, createdAt: madeAt, es256, rs256 }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function nameAfter(existing: readonly Generation[]): string {
  const last = Math.max(0, ...existing.map(({ name }) => Number(name.slice(name.indexOf('/') + 1))))
  return `signing/${String(last + 1).padStart(6, '0')}`
}

function newKeys(now: Date): Buffer {
  const es256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const rs256 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  return Buffer.from(JSON.stringify({ madeAt: now, es256, rs256 }))
}

async function keySet(published: readonly StoredGeneration[]): Promise<KeySet> {
  const pairs = await Promise.all(published.map(async ({ es256, rs256 }) => ({ es256: await named(es256, accessTokenAlgorithm), rs256: await named(rs256, 'RS256') })))
  const first = pairs[0]
  if (first === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: 'signing keys' })
  const verifiers = await Promise.all(pairs.map(async ({ es256 }) => [es256.kid, await imported(publicPart(es256))] as const))
  return {
    jwks: { keys: pairs.flatMap(({ es256, rs256 }) => [es256, rs256]) },
    verifiers: new Map(verifiers),
    signer: { kid: first.es256.kid, key: await imported(first.es256) },
    version: pairs.map(({ es256 }) => es256.kid).join(),
  }
}

const named = async (jwk: JWK, alg: string) => ({ ...jwk, alg, use: 'sig', kid: await calculateJwkThumbprint(jwk) })
const publicPart = ({ d: _private, ...shared }: JWK): JWK => shared

async function imported(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, accessTokenAlgorithm)
  if (key instanceof Uint8Array) throw new EntenteError('INTERNAL_SERVER_ERROR', { unusable: 'signing key' })
  return key
}
