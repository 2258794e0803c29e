import { createCipheriv, createDecipheriv, type Cipheriv, type Decipheriv } from 'node:crypto'
import { EntenteError } from '../errors.ts'
import type { CustomerKey } from '../operation.ts'
import { deriveKey } from '../storage/keys.ts'

const blockLength = 16
/** Of a block as base64url. */
const keyLength = 22
/** 16 bytes as base64url: the last character carries two bits, so other spellings of the same bytes are not ours. */
const canonical = /^[A-Za-z0-9_-]{21}[AQgw]$/

/**
 * What a client gets as `Customer.id` and `sub`: the customer's key, one AES-256 block under the key of the client's sector. Stable, to
 * be reversed here only, not to be joined between sectors. A single block needs no mode: a key is random and enciphered whole.
 */
export function subjects(master: Buffer) {
  // Kept open: without chaining and padding every whole block stands for itself, and setting a cipher up costs more than using it.
  const ciphers = new Map<string, { readonly out: Cipheriv; readonly in: Decipheriv }>()
  const cipherOf = (sector: string): { readonly out: Cipheriv; readonly in: Decipheriv } => {
    const known = ciphers.get(sector)
    if (known) return known
    const key = deriveKey(master, `subject/${sector}`)
    const made = {
      out: createCipheriv('aes-256-ecb', key, null).setAutoPadding(false),
      in: createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false),
    }
    ciphers.set(sector, made)
    return made
  }

  function outward(sector: string, customers: readonly CustomerKey[]): string[] {
    const plain = Buffer.alloc(customers.length * blockLength)
    customers.forEach((customer, i) => {
      // Part of a key, or more than one, would be somebody else's.
      if (customer.length !== keyLength || plain.write(customer, i * blockLength, blockLength, 'base64url') !== blockLength)
        throw new EntenteError('INTERNAL_SERVER_ERROR', { why: 'length of a customer key' })
    })
    const blocks = cipherOf(sector).out.update(plain)
    return customers.map((_, i) => blocks.toString('base64url', i * blockLength, (i + 1) * blockLength))
  }

  return {
    /** One call of the cipher for the whole list. */
    outward,
    outwardOne: (sector: string, customer: CustomerKey): string => outward(sector, [customer]).join(''),
    /** Null for what cannot have come from here. Another sector's id gives a key that no customer has. */
    inward(sector: string, id: string): CustomerKey | null {
      if (!canonical.test(id)) return null
      return cipherOf(sector).in.update(Buffer.from(id, 'base64url')).toString('base64url')
    },
  }
}

export type Subjects = ReturnType<typeof subjects>
