import { createHmac, createPrivateKey, createPublicKey, createSecretKey, sign, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { ExternalSigningKey, type Configuration } from 'oidc-provider'

/** Keys as oidc-provider takes them. Its own ways with them, Web Crypto and Keygrip, cost several times what the algorithms themselves do. */

/** Signs in this thread: to hand it to another one costs more than an ES256 signature, and a process has one core. */
class OwnSigningKey extends ExternalSigningKey {
  readonly #key: KeyObject
  readonly #public: KeyObject
  readonly #named: JWK

  constructor(jwk: JWK) {
    super()
    this.#named = jwk
    this.#key = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
    this.#public = createPublicKey(this.#key)
  }

  override get kid(): string | undefined {
    return this.#named.kid
  }

  override get alg(): string | undefined {
    return this.#named.alg
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override sign(data: Uint8Array): Uint8Array {
    // Of RSA keys the encoding is not asked for.
    return sign('sha256', data, { key: this.#key, dsaEncoding: 'ieee-p1363' })
  }
}

/** RS256 and ES256. */
export const signingKeysFor = (keys: readonly JWK[]): Configuration['jwks'] => ({ keys: keys.map((jwk) => new OwnSigningKey(jwk)) })

/** What Keygrip does with one key: cookies that it has signed are known. */
export function cookieKeys(secret: string) {
  const key = createSecretKey(secret, 'utf8')
  const signed = (data: string): string => createHmac('sha1', key).update(data).digest('base64url')
  const isSigned = (data: string, signature: string): boolean => {
    const [given, own] = [Buffer.from(signature), Buffer.from(signed(data))]
    return given.length === own.length && timingSafeEqual(given, own)
  }
  return {
    sign: signed,
    verify: isSigned,
    index: (data: string, signature: string): number => (isSigned(data, signature) ? 0 : -1),
  }
}

export type CookieKeys = ReturnType<typeof cookieKeys>
