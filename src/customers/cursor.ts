import { createHash } from 'node:crypto'
import { EntenteError } from '../errors.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import { seal, unseal } from '../storage/keys.ts'

/** What a place in a list belongs to; a cursor is no good for another. */
export interface ListOf {
  readonly caller: Caller
  readonly filter: unknown
  readonly segment: string | null
  readonly policyVersion: string
}

const validFor = 24 * 3_600_000
const sealedLength = 70

/**
 * Places in a list of customers: encrypted, so that nothing shows of ids or order; of one length; bound to client, purposes, filter and
 * policy; good for a day. Everything else is BAD_USER_INPUT alike.
 */
export function cursors(key: Buffer, now: () => number) {
  return {
    write(list: string, place: CustomerKey): string {
      const plain = Buffer.alloc(24)
      plain.write(place, 'base64url')
      plain.writeBigUInt64BE(BigInt(now() + validFor), 16)
      return seal(key, plain, list)
    },
    read(list: string, cursor: string): CustomerKey {
      const plain = cursor.length === sealedLength ? unseal(key, cursor, list) : null
      if (plain?.length !== 24 || plain.readBigUInt64BE(16) < BigInt(now())) throw new EntenteError('BAD_USER_INPUT', { argument: 'after' }, { field: 'after' })
      return plain.subarray(0, 16).toString('base64url')
    },
  }
}

/** The name of a list, for `write` and `read`. */
export function listName(list: ListOf): string {
  const said = [list.caller.clientId, list.caller.purposes, list.policyVersion, list.filter, list.segment]
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url')
}

export type Cursors = ReturnType<typeof cursors>
