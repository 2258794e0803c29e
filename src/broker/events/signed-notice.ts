import { compactVerify, decodeProtectedHeader, errors } from 'jose'
import { EntenteError } from '../../errors.ts'
import type { ProviderKeys } from '../provider-keys.ts'
import type { ProviderId } from '../provider.ts'

export interface NoticeRules {
  readonly provider: ProviderId
  readonly keys: ProviderKeys
  readonly algorithms: readonly string[]
}

const longest = 65_536 // characters
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/

export const refusedNotice = (provider: ProviderId, check: string) => new EntenteError('BAD_USER_INPUT', { provider, check, page: 'webhook' })

/** The JSON in a notice; undefined when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a signed notice says, once the signature is the provider's. Times are left to the caller: events speak of the past (RFC 8417, 2.2). BAD_USER_INPUT */
export async function verifiedNotice({ provider, keys, algorithms }: NoticeRules, token: string): Promise<unknown> {
  if (token.length > longest || !compactJws.test(token)) throw refusedNotice(provider, 'shape')
  try {
    const header = decodeProtectedHeader(token)
    if (!algorithms.includes(header.alg ?? '') || ['jku', 'jwk', 'x5u', 'x5c'].some((member) => member in header)) throw refusedNotice(provider, 'header')
    for (const key of await keys(header)) {
      const verified = await compactVerify(token, key, { algorithms: [...algorithms] }).catch(wrongSignature)
      if (verified !== null) return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(verified.payload))
    }
  } catch (error) {
    if (error instanceof EntenteError) throw error
    throw refusedNotice(provider, 'malformed')
  }
  throw refusedNotice(provider, 'signature')
}

function wrongSignature(error: unknown): null {
  if (error instanceof errors.JWSSignatureVerificationFailed) return null
  throw error
}
