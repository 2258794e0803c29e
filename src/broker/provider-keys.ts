import { createLocalJWKSet, errors, type CryptoKey, type JWSHeaderParameters } from 'jose'
import { z } from 'zod'
import { EntenteError } from '../errors.ts'
import { readJson, type ProviderHttp } from './provider-http.ts'

/** A provider's public keys that fit a token's header; more than one only where the provider does not tell them apart. Empty: none. PROVIDER_UNAVAILABLE */
export type ProviderKeys = (header: JWSHeaderParameters) => Promise<readonly CryptoKey[]>

export interface KeyParts {
  readonly http: ProviderHttp
  /** Where the key sets are; all are joined. */
  readonly urls: () => Promise<readonly string[]>
  readonly now: () => number
}

const fresh = 600_000 // milliseconds; a removed key is refused after this at the latest
const oldest = 86_400_000 // how long cached keys carry through an outage
const pause = 60_000 // between two fetches for unknown keys or after a failure, whoever asks
const largest = 1024 * 1024 // bytes

/** Keeps a provider's keys; what is unfit for checking signatures (secrets, private keys, encryption keys, short keys) never gets in. */
export function openKeys({ http, urls, now }: KeyParts): ProviderKeys {
  let cached: { readonly set: LocalSet; readonly at: number } | undefined
  let loading: Promise<void> | undefined
  let lastExtra = -Infinity

  const load = () =>
    (loading ??= (async () => {
      const sets = await Promise.allSettled((await urls()).map((url) => fetchKeys(http, url)))
      const keys = sets.flatMap((set) => (set.status === 'fulfilled' ? set.value : []))
      if (keys.length === 0) throw sets.find((set) => set.status === 'rejected')?.reason ?? unavailable('no usable key')
      cached = { set: createLocalJWKSet({ keys }), at: now() }
    })().finally(() => (loading = undefined)))

  const loadExtra = async () => {
    if (loading === undefined && now() - lastExtra < pause) return
    lastExtra = now()
    await load().catch(() => {}) // what is cached goes on, within its age
  }

  return async (header) => {
    if (cached === undefined) await load()
    else if (now() - cached.at > fresh) await loadExtra()
    if (cached === undefined || now() - cached.at > oldest) throw unavailable('keys too old')
    const found = await matching(cached.set, header)
    if (found.length > 0) return found
    await loadExtra()
    return matching(cached.set, header)
  }
}

type LocalSet = ReturnType<typeof createLocalJWKSet>

const keySet = z.object({ keys: z.array(z.unknown()).max(100) })
const text = z.string().exactOptional()
// Members of private keys and whatever else a key may have are left behind; a key that has `d` is none.
const fitKey = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  use: z.literal('sig').exactOptional(),
  key_ops: z.array(z.string()).exactOptional(),
  d: z.never().exactOptional(),
  kid: text,
  alg: text,
  crv: text,
  x: text,
  y: text,
  n: z.string().min(342).exactOptional(), // 2048 bits
  e: text,
})

async function fetchKeys(http: ProviderHttp, url: string) {
  const answer = await http.fetch(url, { headers: { accept: 'application/json' } }, largest)
  const document = keySet.safeParse(await readJson(answer))
  if (answer.status !== 200 || !document.success) throw unavailable('key set unreadable')
  return document.data.keys.flatMap((key) => {
    const fit = fitKey.safeParse(key)
    return fit.success ? [fit.data] : []
  })
}

async function matching(set: LocalSet, { alg, kid }: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
  if (alg === undefined) return []
  try {
    return [await set({ alg, ...(kid !== undefined && { kid }) })]
  } catch (error) {
    const several: CryptoKey[] = []
    if (error instanceof errors.JWKSMultipleMatchingKeys) for await (const key of error) several.push(key)
    return several
  }
}

const unavailable = (reason: string) => new EntenteError('PROVIDER_UNAVAILABLE', { reason })
