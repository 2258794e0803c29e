import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, calculateJwkThumbprint, importJWK, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { KeyStore } from '../storage/keys.ts'
import { planKeys, type Generation } from './key-rotation.ts'

/** Of all that is signed here. Every client library can check it, and it costs a third of ES256 to check, which each request pays; signing is rarer. */
export const signingAlgorithm = 'RS256'

const privateJwk = z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string(), d: z.string() })
const storedKey = z.strictObject({ madeAt: z.coerce.date(), jwk: privateJwk })

/** The keys of this moment; replaced as a whole when one is added or removed. */
export interface KeySet {
  /** Private parts included, the signing ones first: for the OpenID provider only. */
  readonly jwks: { readonly keys: readonly JWK[] }
  /** The public parts of the same. */
  readonly published: readonly JWK[]
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
    sign: (payload, type) => new SignJWT(payload).setProtectedHeader({ alg: signingAlgorithm, kid: set.signer.kid, typ: type }).sign(set.signer.key),
  }
}

type StoredGeneration = Generation & Pick<z.infer<typeof storedKey>, 'jwk'>

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
      const { madeAt, jwk } = storedKey.parse(JSON.parse(key.toString()))
      return { name, createdAt: madeAt, jwk }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function nameAfter(existing: readonly Generation[]): string {
  const last = Math.max(0, ...existing.map(({ name }) => Number(name.slice(name.indexOf('/') + 1))))
  return `signing/${String(last + 1).padStart(6, '0')}`
}

function newKeys(now: Date): Buffer {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  return Buffer.from(JSON.stringify({ madeAt: now, jwk }))
}

async function keySet(published: readonly StoredGeneration[]): Promise<KeySet> {
  const jwks = await Promise.all(published.map(({ jwk }) => named(jwk)))
  const first = jwks[0]
  if (first === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: 'signing keys' })
  const verifiers = await Promise.all(jwks.map(async (jwk) => [jwk.kid, await imported(publicPart(jwk))] as const))
  return {
    jwks: { keys: jwks },
    published: jwks.map((jwk) => ({ ...publicPart(jwk), kid: jwk.kid, alg: jwk.alg, use: jwk.use })),
    verifiers: new Map(verifiers),
    signer: { kid: first.kid, key: await imported(first) },
    version: jwks.map(({ kid }) => kid).join(),
  }
}

const named = async (jwk: z.infer<typeof privateJwk>) => ({ ...jwk, alg: signingAlgorithm, use: 'sig', kid: await calculateJwkThumbprint(jwk) })
const publicPart = ({ kty, n, e }: z.infer<typeof privateJwk>): JWK => ({ kty, n, e })

async function imported(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, signingAlgorithm)
  if (key instanceof Uint8Array) throw new EntenteError('INTERNAL_SERVER_ERROR', { unusable: 'signing key' })
  return key
}
