import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { MongoClient } from 'mongodb'
import { expect, inject, test } from 'vitest'
import { applied, joined } from '../../src/storage/applied-update.ts'
import type { CustomerUpdate } from '../../src/storage/customers.ts'

const leaf = fc.oneof(fc.string({ maxLength: 4 }), fc.nat(99), fc.boolean(), fc.date({ noInvalidDate: true }), fc.array(fc.nat(9), { maxLength: 2 }))
const name = fc.constantFrom('a', 'b', 'c')
const inner = fc.dictionary(name, leaf, { maxKeys: 3 })
const row = fc.record({ plain: leaf, count: fc.nat(9), one: inner, two: fc.dictionary(name, inner, { maxKeys: 2 }) }, { requiredKeys: ['count'] })

/** Each at a place of its own, as MongoDB wants it. */
const update = fc
  .record({
    root: fc.option(leaf),
    rootGone: fc.boolean(),
    set: fc.option(fc.tuple(name, leaf)),
    gone: fc.option(name),
    deep: fc.option(fc.tuple(name, name, leaf)),
    by: fc.option(fc.nat(5)),
  })
  .map(({ root, rootGone, set, gone, deep, by }): CustomerUpdate => {
    const $set = { ...(root !== null && { other: root }), ...(set && { [`one.${set[0]}`]: set[1] }), ...(deep && { [`two.${deep[0]}.${deep[1]}`]: deep[2] }) }
    const $unset = { ...(rootGone && { plain: '' as const }), ...(gone !== null && gone !== set?.[0] && { [`one.${gone}`]: '' as const }) }
    return { $set: { at: 1, ...$set }, ...(Object.keys($unset).length > 0 && { $unset }), ...(by !== null && { $inc: { count: by, begun: by } }) }
  })

test('what an update makes of a row is what MongoDB makes of it', async () => {
  await using client = await MongoClient.connect(inject('mongodbUri'))
  const rows = client.db(`t${randomBytes(6).toString('hex')}`).collection('rows')
  let n = 0
  await fc.assert(
    fc.asyncProperty(row, update, async (before, change) => {
      const kept = structuredClone(before)
      await rows.insertOne({ ...before, n: ++n })
      const after = await rows.findOneAndUpdate({ n }, { ...change }, { returnDocument: 'after', projection: { _id: 0 } })
      // An object that MongoDB made on the way to what is not there is as empty as none.
      expect({ one: {}, ...applied(before, change), n }).toEqual({ one: {}, ...after })
      expect(before).toEqual(kept)
    }),
    { numRuns: 150 },
  )
  await client.db().dropDatabase()
})

test('two updates become one where they write at different places, and none where MongoDB would refuse it', () => {
  const withdrawn = { $set: { 'decisions.ads': 'no', grants: [] }, $inc: { consentVersion: 1 } }
  expect(joined(withdrawn, { $set: { memberships: [] }, $unset: { 'derived.ads': '' } })).toEqual({
    $set: { 'decisions.ads': 'no', grants: [], memberships: [] },
    $unset: { 'derived.ads': '' },
    $inc: { consentVersion: 1 },
  })
  expect(joined({ $set: { derived: {} } }, { $unset: { 'derived.ads': '' } })).toBeNull()
  expect(joined({ $set: { 'derived.ads.x': 1 } }, { $unset: { 'derived.ads': '' } })).toBeNull()
  expect(joined({ $unset: { membershipsDue: '' } }, { $set: { membershipsDue: 1 } })).toBeNull()
  expect(joined({ $set: { 'derived.ads': 1 } }, { $set: { 'derived.adsToo': 1 } })).not.toBeNull()
})
