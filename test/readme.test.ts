import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { environmentNames } from '../src/config/env.ts'
import { onward, redirectUri, startShop, type Shop } from './support/shop.ts'
import { behaviourOf } from './support/behaviour.ts'
import { pick } from './support/browser.ts'

const folder = new URL('./.readme/', import.meta.url)
const readme = await readFile('README.md', 'utf8')

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
  await mkdir(folder, { recursive: true })
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await shop[Symbol.asyncDispose]()
})

/** The code block of the README that is marked with this name. */
function codeOf(name: string): string {
  const code = new RegExp(`<!-- runs: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1]
  if (code === undefined) throw new Error(`no example named ${name}`)
  return code
}

/** As a module. */
async function exampleOf<T>(name: string): Promise<T> {
  const code = codeOf(name)
  const file = new URL(`${name}.ts`, folder)
  await writeFile(file, code)
  return (await import(file.href)) as T
}

test('the storefront of the README signs people in and reads the profile', async () => {
  const { signInAt } = await exampleOf<{ signInAt: (gateway: string, uri: string) => Promise<{ url: URL; finish: (at: URL) => Promise<unknown> }> }>(
    'storefront',
  )
  const { url, finish } = await signInAt(shop.url, redirectUri)
  const browser = shop.newBrowser()
  const end = await onward(browser, await pick(browser, await browser.open(url.href), 'anna'), {})
  expect(await finish(new URL(end.url))).toMatchObject({ data: { me: { givenName: 'Anna', email: 'anna.demo@gmail.com', pictureUrl: null } } })
})

test('the marketing tool of the README lists whom it may write to', async () => {
  const { whoMayBeWrittenTo } = await exampleOf<{ whoMayBeWrittenTo: (gateway: string, secret: string) => Promise<unknown> }>('marketing')
  expect(await whoMayBeWrittenTo(shop.url, 'marketing-demo-secret')).toMatchObject({ data: { customers: { edges: [], pageInfo: { hasNextPage: false } } } })
})

test('events of the README are read as interests, and its audience lets go of who withdraws', async () => {
  const { tellWhatWasViewed } = await exampleOf<{ tellWhatWasViewed: (gateway: string, writeKey: string, id: string) => Promise<void> }>('events')
  const on = behaviourOf(shop)
  const { id, accessToken, account } = await on.person('ben', { personalised_shop: true, email_marketing: true })
  await tellWhatWasViewed(shop.url, 'storefront-demo-write-key', id)
  expect((await shop.graphql(codeOf('interests'), {}, accessToken)).data.me).toMatchObject({
    traits: { favouriteCategories: ['Winter sports'] },
    affinities: [{ name: 'Winter sports', score: expect.closeTo(1, 2) }],
    segments: [{ id: 'winter_sport' }],
    recommendationContext: { segments: ['winter_sport'] },
  })

  type Take = (gateway: string, token: string, people: Map<string, object>, since?: string) => Promise<string>
  const { takeAudience } = await exampleOf<{ takeAudience: Take }>('audience')
  const people = new Map<string, object>()
  const marketing = await shop.tool('marketing')
  const cursor = await takeAudience(shop.url, marketing, people)
  expect([...people.values()]).toEqual([{ email: 'ben@firma.example', givenName: 'Ben' }])
  await on.say(account, { email_marketing: false })
  await takeAudience(shop.url, marketing, people, cursor)
  expect(people.size).toBe(0)
})

test('every variable that the gateway reads is in the table', () => {
  const table = readme.slice(readme.indexOf('## Real credentials'), readme.indexOf('## How it scales'))
  for (const name of environmentNames) expect(table.includes(`\`${name}\``) || name.endsWith('_BASE_URL'), name).toBe(true)
})
