import { expect, test } from 'vitest'
import { start } from '../../src/main.ts'
import { clientSide, startShop } from '../support/shop.ts'

test('F49 after the secret was changed people are who they were, a stranger with their address is still a stranger, and without the former one nothing starts', async () => {
  await using shop = await startShop()
  const before = await shop.signIn('google', { as: 'gmail-4900' })
  const idOf = async (side: ReturnType<typeof clientSide>, token: string): Promise<string> => (await side.graphql('{ me { id } }', {}, token)).data.me.id
  const id = await idOf(shop, before.accessToken)
  const secret = 'another secret for tests only, also long enough'

  await expect(start({ ...shop.env, ENTENTE_SECRET: secret })).rejects.toThrow('Set ENTENTE_SECRET_PREVIOUS to the old one')
  const counted = () => Promise.all(['customers', 'identities', 'emails'].map((name) => shop.db.collection(name).countDocuments({})))
  const kept = await counted()
  for (const previous of [{ ENTENTE_SECRET_PREVIOUS: shop.env.ENTENTE_SECRET }, {}]) {
    // The second time without the former one: the keys were sealed anew.
    await using changed = await start({ ...shop.env, ENTENTE_SECRET: secret, ...previous })
    const side = clientSide(changed.url)
    expect(await idOf(side, (await side.signIn('google', { as: 'gmail-4900' })).accessToken)).toBe(id)
    expect((await side.walk('apple', { as: 'gmail-4900' })).page.text).toContain('LINK_REQUIRED')
    expect(await counted()).toEqual(kept)
  }
})
