import { verifyAuthenticationResponse, verifyRegistrationResponse, type WebAuthnCredential } from '@simplewebauthn/server'
import { decodeAttestationObject } from '@simplewebauthn/server/helpers'
import { EntenteError } from '../errors.ts'
import { assertion, ownPage, registration } from './passkey-responses.ts'

/** EdDSA, ES256, RS256. */
export const algorithms = [-8, -7, -257]

export const refused = (why: string, cause?: unknown): EntenteError =>
  new EntenteError('BAD_USER_INPUT', { why: `passkey: ${why}` }, { field: 'passkey' }, cause)

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64url'))

/** A passkey that was just made, as far as it is kept. */
export interface MadePasskey {
  readonly credential: Pick<WebAuthnCredential, 'id' | 'publicKey' | 'counter'>
  readonly transports: readonly string[]
  readonly synced: boolean
}

/** An answer as it came, well-formed; nothing is proved by it yet. */
export interface GivenAssertion {
  readonly credentialId: string
  readonly userHandle: string | null
  /** Checks it against that public key, and gives the authenticator's counter. BAD_USER_INPUT */
  readonly counterBy: (publicKey: string, challenge: string) => Promise<number>
}

/** Checks what browsers answer (WebAuthn L3, 7.1 and 7.2): for exactly this origin, with the person verified, in a page of ours. */
export function passkeyChecks(publicUrl: string) {
  const { origin: expectedOrigin, hostname: expectedRPID } = new URL(publicUrl)
  const always = { expectedOrigin, expectedRPID, requireUserVerification: true }

  return {
    /** BAD_USER_INPUT */
    async made(response: unknown, expectedChallenge: string): Promise<MadePasskey> {
      const given = registration.safeParse(response).data
      if (given === undefined || !ownPage(given.response.clientDataJSON)) throw refused('not an answer of ours')
      if (!needsNoTrust(given.response.attestationObject)) throw refused('an attestation that nobody asked for')
      const checked = await orRefused(verifyRegistrationResponse({ ...always, response: given, expectedChallenge, supportedAlgorithmIDs: algorithms }))
      if (!checked.verified || checked.registrationInfo.credential.id !== given.id) throw refused('not verified')
      const { credential, credentialDeviceType } = checked.registrationInfo
      return { credential, transports: given.response.transports, synced: credentialDeviceType === 'multiDevice' }
    },

    /** BAD_USER_INPUT */
    given(response: unknown): GivenAssertion {
      const given = assertion.safeParse(response).data
      if (given === undefined || !ownPage(given.response.clientDataJSON)) throw refused('not an answer of ours')
      const { userHandle, ...answer } = given.response
      return {
        credentialId: given.id,
        userHandle: userHandle ?? null,
        async counterBy(publicKey, expectedChallenge) {
          // Counter 0: the rule about counters is kept where they are written, after the signature is known to be right.
          const credential = { id: given.id, publicKey: bytesOf(publicKey), counter: 0 }
          const checked = await orRefused(verifyAuthenticationResponse({ ...always, response: { ...given, response: answer }, expectedChallenge, credential }))
          if (!checked.verified) throw refused('the signature')
          return checked.authenticationInfo.newCounter
        },
      }
    },
  }
}

/** No attestation, or one that the key signed itself: checking a maker's would lead to addresses that the sender of it chose (lists of revoked certificates). */
function needsNoTrust(attestationObject: string): boolean {
  try {
    const decoded = decodeAttestationObject(bytesOf(attestationObject))
    const fmt = decoded.get('fmt')
    return fmt === 'none' || (fmt === 'packed' && decoded.get('attStmt').get('x5c') === undefined)
  } catch {
    return false
  }
}

/** Whatever the library stumbles on in what was sent is the sender's fault. */
async function orRefused<T>(checking: Promise<T>): Promise<T> {
  try {
    return await checking
  } catch (error) {
    throw refused('not verified', error)
  }
}
