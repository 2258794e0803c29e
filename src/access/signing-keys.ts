import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, calculateJwkThumbprint, importJWK, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import type { KeyStore } from '../storage/keys.ts'
import { planKeys, type Generation } from './key-rotation.ts'

/** Of ID tokens and of all that others check: every client library and verifier knows it. */
export const signingAlgorithm = 'RS256'
/** Of access tokens, which are made far more often than anything else and checked here only: half the time and a third of the length. */
export const accessTokenAlgorithm = 'ES256'

const rsaJwk = z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string(), d: z.string() })
const ecJwk = z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string(), d: z.string() })
const privateJwk = z.discriminatedUnion('kty', [rsaJwk, ecJwk])
const storedKey = z.strictObject({ madeAt: z.coerce.date(), jwk: privateJwk })
type PrivateJwk = z.infer<typeof privateJwk>

/** Each algorithm has generations of its own, named by number: one is added to a house without touching what the others signed. */
const families = [
  { prefix: 'signing', make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }) },
  { prefix: 'access-signing', make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
] as const
type Family = (typeof families)[number]

export interface Signer {
  readonly kid: string
  readonly key: CryptoKey
}

/** The keys of this moment; replaced as a whole when one is added or removed. */
export interface KeySet {
  /** Private parts included, of each algorithm the signing one first: for the OpenID provider only. */
  readonly jwks: { readonly keys: readonly JWK[] }
  /** The public parts of the same. */
  readonly published: readonly JWK[]
  /** Checks access tokens, by `kid`; each is for its own algorithm. */
  readonly verifiers: ReadonlyMap<string, { readonly alg: string; readonly key: CryptoKey }>
  /** Signs what is no access token. */
  readonly signer: Signer
  readonly accessTokenSigner: Signer
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
  const [proofs, accessTokens] = await Promise.all(families.map((family) => published(store, family, now)))
  return keySet(proofs ?? [], accessTokens ?? [])
}

async function published(store: KeyStore, family: Family, now: Date): Promise<readonly StoredGeneration[]> {
  const plan = planKeys(await generations(store, family, now), now)
  for (const { name } of plan.removable) await store.remove(name)
  if (!plan.successorDue) return plan.published
  await store.obtain(nameAfter(family, plan.published), () => newKeys(family, now))
  return planKeys(await generations(store, family, now), now).published
}

async function generations(store: KeyStore, family: Family, now: Date): Promise<[StoredGeneration, ...StoredGeneration[]]> {
  const [first, ...others] = await stored(store, family)
  if (first) return [first, ...others]
  await store.obtain(nameAfter(family, []), () => newKeys(family, now))
  const [made, ...rest] = await stored(store, family)
  if (made === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: 'signing keys' })
  return [made, ...rest]
}

/** Oldest first: a generation's name is its number. */
async function stored(store: KeyStore, { prefix }: Family): Promise<StoredGeneration[]> {
  const rows = await store.list(prefix)
  return rows
    .map(({ name, key }) => {
      const { madeAt, jwk } = storedKey.parse(JSON.parse(key.toString()))
      return { name, createdAt: madeAt, jwk }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function nameAfter({ prefix }: Family, existing: readonly Generation[]): string {
  const last = Math.max(0, ...existing.map(({ name }) => Number(name.slice(name.indexOf('/') + 1))))
  return `${prefix}/${String(last + 1).padStart(6, '0')}`
}

function newKeys({ make }: Family, now: Date): Buffer {
  return Buffer.from(JSON.stringify({ madeAt: now, jwk: make().privateKey.export({ format: 'jwk' }) }))
}

async function keySet(proofs: readonly StoredGeneration[], accessTokens: readonly StoredGeneration[]): Promise<KeySet> {
  const [forProofs, forAccessTokens] = [await allNamed(proofs), await allNamed(accessTokens)]
  const jwks = [...forProofs, ...forAccessTokens]
  const verifiers = await Promise.all(jwks.map(async (jwk) => [jwk.kid, { alg: jwk.alg, key: await imported(publicPart(jwk), jwk.alg) }] as const))
  return {
    jwks: { keys: jwks },
    published: jwks.map((jwk) => ({ ...publicPart(jwk), kid: jwk.kid, alg: jwk.alg, use: jwk.use })),
    verifiers: new Map(verifiers),
    signer: await signerOf(forProofs),
    accessTokenSigner: await signerOf(forAccessTokens),
    version: jwks.map(({ kid }) => kid).join(),
  }
}

type NamedJwk = Awaited<ReturnType<typeof named>>

const algorithmOf = ({ kty }: PrivateJwk): string => (kty === 'RSA' ? signingAlgorithm : accessTokenAlgorithm)
const named = async (jwk: PrivateJwk) => ({ ...jwk, alg: algorithmOf(jwk), use: 'sig', kid: await calculateJwkThumbprint(jwk) })
const allNamed = (stored: readonly StoredGeneration[]): Promise<NamedJwk[]> => Promise.all(stored.map(({ jwk }) => named(jwk)))

/** The first: that is how a plan lists them. */
async function signerOf([first]: readonly NamedJwk[]): Promise<Signer> {
  if (first === undefined) throw new EntenteError('INTERNAL_SERVER_ERROR', { missing: 'signing keys' })
  return { kid: first.kid, key: await imported(first, first.alg) }
}

const publicPart = (jwk: PrivateJwk): JWK => (jwk.kty === 'RSA' ? { kty: jwk.kty, n: jwk.n, e: jwk.e } : { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y })

async function imported(jwk: JWK, algorithm: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm)
  if (key instanceof Uint8Array) throw new EntenteError('INTERNAL_SERVER_ERROR', { unusable: 'signing key' })
  return key
}
