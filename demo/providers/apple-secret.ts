import type { KeyObject } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'

/** The demo's registration: Services ID, developer team and key. */
export const registration = { client: 'example.entente.web', team: 'DEMOTEAM01', key: 'DEMOKEY001' } as const

const sixMonths = 15_777_000 // seconds, Apple's own figure

/** Whether a client secret is the ES256 JWT that Apple demands: right team, key, audience and subject, not ahead of the clock,
 *  at most six months long. Without a key to check with, everything but the signature is looked at. */
export async function checkClientSecret(secret: string, client: string, by: { audience: string; key: KeyObject | undefined; now: number }): Promise<boolean> {
  try {
    const { alg, kid } = decodeProtectedHeader(secret)
    if (by.key !== undefined) await jwtVerify(secret, by.key, { algorithms: ['ES256'], currentDate: new Date(by.now * 1000) })
    const { iss, sub, aud, iat = Infinity, exp = 0 } = decodeJwt(secret)
    return (
      alg === 'ES256' &&
      kid === registration.key &&
      iss === registration.team &&
      client === registration.client &&
      sub === client &&
      (aud === by.audience || aud === 'https://appleid.apple.com') &&
      iat <= by.now &&
      exp > by.now &&
      exp - iat <= sixMonths
    )
  } catch {
    return false // malformed, or signed with another key: Apple says invalid_client to all of these
  }
}
