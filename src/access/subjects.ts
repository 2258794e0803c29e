import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { CustomerKey } from '../operation.ts'
import { deriveKey } from '../storage/keys.ts'

const blockLength = 16
/** 16 bytes as base64url: the last character carries two bits, so other spellings of the same bytes are not ours. */
const canonical = /^[A-Za-z0-9_-]{21}[AQgw]$/

/**
 * What a client gets as `Customer.id` and `sub`: the customer's key, one AES-256 block under the key of the client's sector. Stable, to
 * be reversed here only, not to be joined between sectors. A single block needs no mode: a key is random and enciphered whole.
 */
export function subjects(master: Buffer) {
  const keys = new Map<string, Buffer>()
  const keyOf = (sector: string): Buffer => {
    const known = keys.get(sector)
    if (known) return known
    const made = deriveKey(master, `subject/${sector}`)
    keys.set(sector, made)
    return made
  }

  function outward(sector: string, customers: readonly CustomerKey[]): string[] {
    const cipher = createCipheriv('aes-256-ecb', keyOf(sector), null).setAutoPadding(false)
    const blocks = cipher.update(Buffer.concat(customers.map((customer) => Buffer.from(customer, 'base64url'))))
    return customers.map((_, i) => blocks.toString('base64url', i * blockLength, (i + 1) * blockLength))
  }

  return {
    /** One call of the cipher for the whole list. */
    outward,
    outwardOne: (sector: string, customer: CustomerKey): string => outward(sector, [customer]).join(''),
    /** Null for what cannot have come from here. Another sector's id gives a key that no customer has. */
    inward(sector: string, id: string): CustomerKey | null {
      if (!canonical.test(id)) return null
      const decipher = createDecipheriv('aes-256-ecb', keyOf(sector), null).setAutoPadding(false)
      return decipher.update(Buffer.from(id, 'base64url')).toString('base64url')
    },
  }
}

export type Subjects = ReturnType<typeof subjects>
