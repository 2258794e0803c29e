import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { subjects } from '../../src/access/subjects.ts'

const known = subjects(randomBytes(32))
const key = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))

test('a list of customers comes back from its sector, one by one', () => {
  fc.assert(
    fc.property(fc.array(key), (customers) => {
      const ids = known.outward('shop', customers)
      expect(ids.map((id) => known.inward('shop', id))).toEqual(customers)
      expect(ids).toEqual(customers.map((customer) => known.outwardOne('shop', customer)))
    }),
  )
})

test('G5 two sectors, or two houses with different keys, call nobody by the same id', () => {
  fc.assert(
    fc.property(key, (customer) => {
      const id = known.outwardOne('shop', customer)
      expect(id).not.toBe(known.outwardOne('shop-b', customer))
      expect(id).not.toBe(subjects(randomBytes(32)).outwardOne('shop', customer))
      expect(id).not.toBe(customer)
      expect(known.inward('shop-b', id)).not.toBe(customer)
    }),
  )
})

test('one customer has one spelling', () => {
  const id = known.outwardOne('shop', randomBytes(16).toString('base64url'))
  const last = id.at(-1) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (const other of alphabet) if (!'AQgw'.includes(other)) expect(known.inward('shop', id.slice(0, -1) + other)).toBeNull()
  for (const other of [`${id}=`, `${id}A`, id.slice(0, -1), ` ${id}`, `${id}\n`, id.replaceAll('-', '+').replaceAll('_', '/') + last, '', '../../etc/passwd'])
    if (other !== id) expect(known.inward('shop', other)).toBeNull()
})
