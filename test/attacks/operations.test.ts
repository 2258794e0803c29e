import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newCanary, scannerOf, type Canary } from '../support/canaries.ts'
import { pick } from '../support/browser.ts'
import { startProcesses } from '../support/processes.ts'
import { askForCode, atChoice, codeSentTo, giveCode } from '../support/signing-in.ts'
import { redirectUri, startShop, type Shop } from '../support/shop.ts'

// What is left beside the data base: with whoever runs it, in the letters, in the process, in this repository.

describe('a person whose every value is theirs alone', () => {
  let shop: Shop
  const person = { address: `${newCanary()}@people.example`, given: newCanary(), family: newCanary() }
  const canaries: Canary[] = Object.entries(person).map(([field, value]) => ({ person: 'ada', field, value }))
  const scan = scannerOf(canaries)

  beforeAll(async () => {
    shop = await startShop()
    // The slow-query log says no more than the profiler keeps.
    await shop.db.command({ profile: 2 })
    shop.providers.google.misbehave({ email: person.address })
    const account = await shop.signIn('google', { as: 'person-9601', client: 'account' })
    const names = 'mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { id } }'
    await shop.graphql(names, { i: { givenName: person.given, familyName: person.family } }, account.accessToken)
    const yes = 'mutation { setConsents(decisions: [{ purpose: "email_marketing", granted: true, textVersion: "2026-01" }]) { id } }'
    await shop.graphql(yes, {}, account.accessToken)

    // All that writes letters: another device, a code, a login more and one less.
    await shop.signIn('google', { as: 'person-9601' })
    const started = await shop.graphql(`mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`, {}, account.accessToken)
    await pick(account.browser, await account.browser.open(started.data.startLinking.url), 'person-9602')
    const { data } = await shop.graphql('{ me { identities { id provider } } }', {}, account.accessToken)
    const { id } = data.me.identities.find(({ provider }: { provider: string }) => provider === 'facebook')
    await shop.graphql('mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }', { id }, account.accessToken)
    // Last, since it ends the other sessions.
    const way = await atChoice(shop)
    const page = await askForCode(way, person.address)
    await giveCode(way.browser, page, await codeSentTo(shop, person.address))
    await shop.mailFor(person.address, /Facebook no longer opens|Facebook öffnet Ihr Konto nicht mehr/)
    await shop.db.command({ profile: 0 })
  }, 120_000)
  afterAll(() => shop[Symbol.asyncDispose]())

  test('H6 is looked for by no value of theirs: no slow-query log could tell it', async () => {
    const asked = await shop.db
      .collection('system.profile')
      .find({ ns: { $ne: `${shop.db.databaseName}.system.profile` } })
      .toArray()
    // What is written has values in it; what is asked by does not.
    const conditions = asked.flatMap(({ command }) => [command.filter, command.q, command.query, command.pipeline, command.key])
    expect(conditions.filter((one) => one !== undefined).length).toBeGreaterThan(50)
    expect(scan(JSON.stringify(conditions))).toEqual([])
    // The profiler saw the person at all.
    expect(scan(JSON.stringify(asked))).not.toEqual([])
  })

  test('H14 is in no letter to them, but for where it goes', () => {
    const mails = shop.mails(person.address)
    expect(mails.length).toBeGreaterThanOrEqual(4)
    for (const { subject, text, html } of mails) expect([subject, scan(`${subject}\n${text}\n${html}`)]).toEqual([subject, []])
    for (const { html } of mails) expect(html).not.toMatch(/<(img|link|script|iframe)\b|\bsrc=|url\(/i)
  })
})

test('H5 a gateway that is told to die, or to say what it holds, leaves no file and had no secret in its command', { timeout: 240_000 }, async () => {
  const dumps = async () => (await readdir('.')).filter((name) => /^(report\.|core\b|heap|isolate)|\.(heapsnapshot|cpuprofile|heapprofile)$/i.test(name))
  const before = await dumps()
  await using house = await startProcesses({ gateways: 1 })
  const [gateway] = house.gateways
  expect(gateway).toBeDefined()
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(gateway?.pid)])
  for (const name of ['ENTENTE_SECRET', 'GOOGLE_CLIENT_SECRET', 'MONGODB_URI'] as const) expect(stdout).not.toContain(house.env[name])
  gateway?.signal('SIGUSR2')
  // One that writes a report goes on after it.
  await expect.poll(async () => gateway?.hasEnded() === true || (await dumps()).length > before.length, { timeout: 30_000 }).toBe(true)
  expect(await dumps()).toEqual(before)
  // Nor is it told to by how it is started.
  const started = await Promise.all(
    ['gateway.flags', 'Dockerfile', 'package.json', 'scripts/start.mjs', 'scripts/workers.mjs'].map((file) => readFile(file, 'utf8')),
  )
  expect(started.join('\n')).not.toMatch(/--(report|heapsnapshot|heap-prof|cpu-prof|abort-on|diagnostic-dir|inspect)/)
})

test('H16 the people of the demo, the benchmarks and the documentation are nobody', async () => {
  const { stdout } = await promisify(execFile)('git', ['ls-files', 'demo', 'bench', 'docs', 'README.md'])
  const texts = await Promise.all(
    stdout
      .trim()
      .split('\n')
      .filter((file) => /\.(ts|mjs|md|yaml|json|html)$/.test(file))
      .map((file) => readFile(file, 'utf8')),
  )
  const addresses = new Set(texts.join('\n').match(/[\w.%+-]+@[\w-]+(\.[\w-]+)+/g))
  // RFC 2606, 6761. Google speaks for its own domain alone, so a few of the demo’s people are there, under names that say what they are.
  const invented = /@([\w-]+\.)*(example|test|invalid|localhost|example\.(com|org|net))$|^(gmail\.person\.\w+|\w+\.demo)@gmail\.com$/i
  expect(addresses.size).toBeGreaterThan(10)
  expect([...addresses].filter((one) => !invented.test(one))).toEqual([])
})
