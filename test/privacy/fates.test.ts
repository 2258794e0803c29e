import { expect, test } from 'vitest'
import { fates } from '../../src/storage/fates.ts'
import { startShop } from '../support/shop.ts'

test('I16 it is said of every collection what becomes of it when a person is erased', async () => {
  await using shop = await startShop()
  const there = (await shop.db.listCollections().toArray()).map(({ name }) => name).filter((name) => !name.startsWith('system.'))
  expect(there.filter((name) => fates[name] === undefined)).toEqual([])
  // What is removed by a field is found by an index, not by going through everybody.
  for (const name of there) {
    const fate = fates[name]
    if (typeof fate !== 'object') continue
    const [field = ''] = Object.keys(fate.rows('somebody'))
    const indexed = (await shop.db.collection(name).indexes()).map(({ key }) => Object.keys(key)[0])
    expect([name, indexed.includes(field)]).toEqual([name, true])
  }
}, 30_000)
