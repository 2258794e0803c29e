import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { start } from '../../src/main.ts'
import { clientSide, startShop } from '../support/shop.ts'

const folder = await mkdtemp(join(tmpdir(), 'reused-'))
const demo = await readFile(new URL('../../demo/policy.yaml', import.meta.url), 'utf8')
const size = '  - { name: clothingSize, type: String, category: user.demographic.profile, titles: { en: Clothing size, de: Kleidergröße } }\n'
/** The demo's policy with other lines in the place of the size. */
const policyWith = async (lines: string): Promise<string> => {
  expect(demo).toContain(size)
  const file = join(folder, `${Math.random()}.yaml`)
  // The question about the size asks for something else, since without the attribute there is none.
  await writeFile(file, demo.replace(size, lines).replace('trait: clothingSize', 'trait: newsletterRhythm'))
  return file
}
// What the shop may read without being asked for consent.
const asLanguage = size.replace('user.demographic.profile', 'user.demographic.language')
const problemOf = (env: Record<string, string>): Promise<string> =>
  start(env).then(
    (running) => running[Symbol.asyncDispose]().then(() => 'started'),
    (error: Error) => error.message,
  )

test('A24 a name that comes back for something else opens no old values, also after it was gone: nothing starts, and what is meant is named', async () => {
  await using shop = await startShop()
  const query = '{ me { traits { clothingSize } } }'
  const { accessToken } = await shop.signIn('google', { as: 'gmail-2400', consent: { personalised_shop: true } })
  const written = await shop.graphql('mutation { updateProfile(input: { traits: { clothingSize: "M-canary" } }) { id } }', {}, accessToken)
  expect(written.errors).toBeUndefined()
  expect((await shop.graphql(query, {}, accessToken)).data.me.traits.clothingSize).toBe('M-canary')

  const refused = await problemOf({ ...shop.env, POLICY_FILE: await policyWith(`${asLanguage}${size.replaceAll('clothingSize', 'shoeSize')}`) })
  expect(refused).toContain('attributes: clothingSize has stood for user.demographic.profile here; what is user.demographic.language needs another name')
  expect(refused).not.toContain('canary')
  expect(await problemOf({ ...shop.env, POLICY_FILE: await policyWith('') })).toBe('started')
  expect(await problemOf({ ...shop.env, POLICY_FILE: await policyWith(asLanguage) })).toBe(refused)

  // What was refused left nothing behind: its other name is free. Under its own category the old name is as before.
  const repaired = await policyWith(`${size}${asLanguage.replace('clothingSize', 'shoeSize')}`)
  await using again = await start({ ...shop.env, POLICY_FILE: repaired, PUBLIC_URL: shop.url })
  expect((await clientSide(again.address).graphql(query, {}, accessToken)).data.me.traits.clothingSize).toBe('M-canary')
})
