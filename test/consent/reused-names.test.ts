import { expect, test } from 'vitest'
import { PolicyError } from '../../src/config/policy-source.ts'
import { refuseReusedNames } from '../../src/consent/reused-names.ts'

/** What the database keeps of names, without one; `rivals` come into use between the look and the writing. */
function seen(first: Record<string, string>, rivals: Record<string, string> = {}) {
  const rows = new Map(Object.entries(first))
  return {
    rows,
    read: async () => new Map(rows),
    remember: async (used: readonly { readonly name: string; readonly category: string }[]) => {
      for (const [name, category] of Object.entries(rivals)) rows.set(name, category)
      for (const { name, category } of used) if (!rows.has(name)) rows.set(name, category)
      return new Map(rows)
    },
  }
}
const attribute = (name: string, category: string) => ({ name, category, type: 'String' as const, list: false, values: null, titles: new Map() })
const size = attribute('size', 'user.demographic.profile')
const settings = attribute('rhythm', 'user.account.settings')
const health = (name: string) => attribute(name, 'user.health_and_medical')

test('a name is remembered with its category, and may come back as the same', async () => {
  const store = seen({})
  await refuseReusedNames([size, settings], store)
  await refuseReusedNames([settings], store)
  await refuseReusedNames([size, settings], store)
  expect(Object.fromEntries(store.rows)).toEqual({ size: 'user.demographic.profile', rhythm: 'user.account.settings' })
})

test('what comes back as something else is refused, all of it by name, and nothing is left behind', async () => {
  const store = seen({ size: size.category, rhythm: settings.category })
  const refused = refuseReusedNames([health('size'), health('rhythm'), health('allergies')], store)
  await expect(refused).rejects.toThrow(PolicyError)
  await expect(refused).rejects.toThrow(/size has stood for user\.demographic\.profile here; what is user\.health_and_medical needs another name/)
  await expect(refused).rejects.toThrow(/rhythm has stood for/)
  await expect(refused).rejects.not.toThrow(/allergies/)
  expect(store.rows.has('allergies')).toBe(false)
})

test('of two that start at once with different meanings, the second is refused', async () => {
  await expect(refuseReusedNames([size], seen({}, { size: 'user.name' }))).rejects.toThrow('size has stood for user.name here')
})
