import { createHmac } from 'node:crypto'

/** Keys of their own, which outlive a rotation of `ENTENTE_SECRET`; the version stands in front of every hash. */
export interface LinkingKeys {
  readonly identity: Buffer
  readonly address: Buffer
}

/** `_id` in `identities`: keyed hash of issuer family and subject, with their lengths, so that no two pairs can be glued alike. */
export function identityKey(keys: LinkingKeys, issuer: string, subject: string): string {
  return keyed(keys.identity, [issuer, subject])
}

/** `_id` in `emails`: keyed hash of a normalised address. */
export function addressKey(keys: Pick<LinkingKeys, 'address'>, address: string): string {
  return keyed(keys.address, [address])
}

function keyed(key: Buffer, parts: readonly string[]): string {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part)
  return `1:${hmac.digest('base64url')}`
}
