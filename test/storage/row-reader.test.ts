import assert from 'node:assert/strict'
import fc from 'fast-check'
import mongoose from 'mongoose'
import { expect, test } from 'vitest'
import { rowFrom } from '../../src/storage/row-reader.ts'

const { BSON } = mongoose.mongo

/** Names that objects understand in their own way, and names that only length tells apart, are among them. */
const name = fc
  .oneof(fc.constantFrom('_id', '__proto__', 'constructor', 'email', 'emai', '0', ''), fc.string({ unit: 'binary' }))
  .filter((one) => !one.includes('\0'))
const { row } = fc.letrec<{ row: Record<string, unknown>; value: unknown }>((tie) => ({
  row: fc.dictionary(name, tie('value'), { maxKeys: 8, noNullPrototype: true }),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ maxLength: 40 }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    fc.uint8Array().map((bytes) => new BSON.Binary(bytes)),
    tie('row'),
    fc.array(tie('value'), { maxLength: 12 }),
  ),
}))

test('a row reads as the driver reads it, whatever it holds', () => {
  fc.assert(
    fc.property(row, (written) => {
      const bytes = Buffer.from(BSON.serialize(written))
      assert.deepStrictEqual(rowFrom(bytes), BSON.deserialize(bytes))
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no row are refused', () => {
  const bytes = Buffer.from(BSON.serialize({ email: 'anna@x.example', traits: { clothingSize: 'M' } }))
  for (const cut of [1, 4, 5, 12, bytes.length - 1]) expect(() => rowFrom(bytes.subarray(0, cut))).toThrow(BSON.BSONError)
})
