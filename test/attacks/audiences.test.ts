import fastify from 'fastify'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { audienceRoutes } from '../../src/http/audience-routes.ts'
import type { Caller } from '../../src/operation.ts'
import type { CursorPage } from '../../src/personalization/audiences.ts'
import { addMembers, audienceUrl, linesOf, take } from '../support/audiences.ts'
import { startShop, type Shop } from '../support/shop.ts'

// Tools that want more than they may have of an audience, or hold on to what they were to let go of.
const purpose = 'email_marketing'
const segment = 'winter_sport'
const fields = 'email'
let shop: Shop
let marketing: string
let members: string[]

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'audiences-'))
  const [policy, clients] = [join(directory, 'policy.yaml'), join(directory, 'clients.yaml')]
  await writeFile(
    policy,
    (await readFile('demo/policy.yaml', 'utf8'))
      .replaceAll('clients: [storefront, storefront-b]', 'clients: [storefront, storefront-b, marketing]')
      .replaceAll('    clients: [marketing]', '    clients: [marketing, ads]'),
  )
  await writeFile(
    clients,
    (await readFile('demo/clients.yaml', 'utf8'))
      .replace('    purposes: [email_marketing]', '    purposes: [email_marketing, personalised_shop]')
      .replace('    purposes: [personalised_ads]', '    purposes: [personalised_ads, email_marketing]'),
  )
  shop = await startShop({ gateways: 2, env: { POLICY_FILE: policy, CLIENTS_FILE: clients } })
  marketing = await shop.tool('marketing')
  members = await addMembers(shop.db, 30, [purpose, 'personalised_shop'], [`${segment}@${purpose}`, `${segment}@personalised_shop`])
})
afterAll(() => shop[Symbol.asyncDispose]())

const taken = (asked: Readonly<Record<string, string>> = {}, token: string | null = marketing, which = segment, url = shop.url) =>
  take(url, token, which, { purpose, fields, ...asked })
const withdraw = (customer: string) =>
  shop.db.collection<{ _id: string }>('customers').updateOne({ _id: customer }, { $set: { [`decisions.${purpose}.state`]: 'withdrawn' } })

describe('what is asked for', () => {
  test.each([
    ['no token', {}, null, segment, 401, 'UNAUTHENTICATED'],
    ['a purpose of others', { purpose: 'order_processing' }, undefined, segment, 403, 'FORBIDDEN'],
    ['a purpose that is none', { purpose: 'nothing' }, undefined, segment, 403, 'FORBIDDEN'],
    ['a built-in purpose', { purpose: 'consent_record' }, undefined, segment, 403, 'FORBIDDEN'],
    ['a segment that is none', {}, undefined, 'nobody', 400, 'BAD_USER_INPUT'],
    ['a segment for another purpose', { purpose: 'personalised_shop', fields: '' }, undefined, 'left_the_basket', 400, 'BAD_USER_INPUT'],
    ['an operator', { segment: '{"$ne":null}' }, undefined, '%7B%22$ne%22:null%7D', 400, 'BAD_USER_INPUT'],
    ['a field that is none', { fields: 'email,secret' }, undefined, segment, 400, 'BAD_USER_INPUT'],
    ['a field of the house', { fields: 'decisions' }, undefined, segment, 400, 'BAD_USER_INPUT'],
    ['the prototype', { fields: '__proto__,traits.__proto__' }, undefined, segment, 400, 'BAD_USER_INPUT'],
    ['a field that the purpose does not cover', { fields: 'postcode' }, undefined, segment, 403, 'FORBIDDEN'],
    ['a parameter that is none', { limit: '5' }, undefined, segment, 400, 'BAD_USER_INPUT'],
    ['two cursors', { after: 'a', since: 'b' }, undefined, segment, 400, 'BAD_USER_INPUT'],
  ] as const)('%s', async (_title, asked, token, which, status, code) => {
    expect(await taken(asked, token === null ? null : marketing, which)).toMatchObject({ status, error: { error: code } })
  })

  test('a person takes nobody out', async () => {
    const { accessToken } = await shop.signIn('google', { as: 'person-9' })
    expect(await taken({ purpose: 'personalised_shop' }, accessToken)).toMatchObject({ status: 403, error: { error: 'FORBIDDEN' } })
  })

  test('what the token may do beside the purpose shows nothing', async () => {
    expect(await taken({ purpose: 'personalised_shop', fields: 'email' })).toMatchObject({ status: 403, error: { error: 'FORBIDDEN', field: 'fields' } })
    const query = `{ audience(segment: "${segment}", purpose: "personalised_shop") { people { givenName email } } }`
    expect((await shop.graphql(query, {}, marketing)).data.audience.people[0]).toEqual({ givenName: 'Mia', email: null })
  })

  test('a null says not whether a value is missing or withheld, and the log names the one purpose', async () => {
    const all = await taken({ purpose: 'personalised_shop', fields: 'givenName,pictureUrl' })
    expect(all.people[0]).toEqual({ id: expect.any(String), givenName: 'Mia', pictureUrl: null })
    const [event] = await shop.db.collection('audit_log').find({ type: 'data.read', client: 'marketing' }).sort({ at: -1 }).limit(1).toArray()
    expect(event).toMatchObject({ purposes: ['personalised_shop'], detail: { segment }, subjects: members })
  })
})

describe('cursors', () => {
  test('are good for one client, segment, purpose and choice of fields', async () => {
    const { cursor } = await taken()
    expect(await taken({ since: cursor })).toMatchObject({ status: 200 })
    const ads = await shop.tool('ads')
    const foreign = [
      taken({ since: cursor }, ads),
      taken({ since: cursor, fields: 'email,givenName' }),
      taken({ since: cursor, purpose: 'personalised_shop', fields: '' }),
      taken({ since: cursor }, marketing, 'regulars'),
      taken({ since: `${cursor.slice(0, -2)}AA` }),
      taken({ since: cursor.slice(1) }),
      taken({ after: 'x'.repeat(900) }),
    ]
    for (const one of await Promise.all(foreign)) expect(one).toMatchObject({ status: 400, error: { error: 'BAD_USER_INPUT' } })
    const list = await shop.graphql('{ customers(first: 1) { pageInfo { endCursor } } }', {}, marketing)
    expect((await taken({ after: list.data.customers.pageInfo.endCursor })).status).toBe(400)
    for (const id of members) expect(Buffer.from(cursor, 'base64url').includes(Buffer.from(id, 'base64url'))).toBe(false)
  })

  test('go on at another process, which knows of a withdrawal at the first', async () => {
    const [here = '', there = ''] = shop.urls
    const query = `query ($after: String, $since: String) { audience(segment: "${segment}", purpose: "${purpose}", first: 20, after: $after, since: $since) { people { id } suppressed { id } cursor complete } }`
    const first = (await shop.graphql(query, {}, marketing, here)).data.audience
    expect([first.people.length, first.complete]).toEqual([20, false])
    const last = members.at(-1) ?? ''
    await withdraw(last)
    const second = (await shop.graphql(query, { after: first.cursor }, marketing, there)).data.audience
    expect([second.people.length, second.complete]).toEqual([9, true])
    expect((await taken({ purpose: 'personalised_shop', fields: '' })).people).toHaveLength(30)
    await shop.db.collection<{ _id: string }>('customers').updateOne({ _id: last }, { $set: { [`decisions.${purpose}.state`]: 'granted' } })
  })
})

describe('receivers that do not read', () => {
  const read = (url: string) =>
    new Promise<IncomingMessage>((resolve, reject) => get(url, { headers: { authorization: `Bearer ${marketing}` } }, resolve).once('error', reject))
  const handedOut = () => shop.db.collection('audit_log').countDocuments({ type: 'data.read', 'detail.segment': 'regulars' })

  let long: string[]
  beforeAll(async () => {
    long = await addMembers(shop.db, 12_000, [purpose], [`regulars@${purpose}`], { givenName: 'x'.repeat(2_000) })
  })

  test('are read for no further than a few pages, and what is read on is gated anew', async () => {
    const response = await read(audienceUrl(shop.url, 'regulars', { purpose, fields: 'givenName' }))
    const chunks: Buffer[] = []
    await new Promise<void>((resolve) =>
      response.once('data', (chunk: Buffer) => {
        chunks.push(chunk)
        response.pause()
        resolve()
      }),
    )
    const before = await stillAt(handedOut)
    expect(before).toBeLessThan(10)
    await withdraw(long.at(-1) ?? '')
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.resume()
    await new Promise((resolve) => response.once('end', resolve))
    const { people, complete } = linesOf(Buffer.concat(chunks).toString())
    expect([people.length, complete]).toEqual([11_999, true])
  }, 60_000)

  test('hold no more than four streams of a client', async () => {
    const open = await Promise.all(Array.from({ length: 4 }, () => read(audienceUrl(shop.url, 'regulars', { purpose, fields: 'givenName' }))))
    const refused = await taken({}, marketing, 'regulars')
    expect(refused).toMatchObject({ status: 429, error: { error: 'RATE_LIMITED', retryAfter: 10 } })
    expect((await taken({}, await shop.tool('ads'))).status).toBe(200)
    for (const response of open) response.destroy()
    await vi.waitFor(async () => expect((await taken()).status).toBe(200), { timeout: 20_000, interval: 200 })
  }, 60_000)

  test('are left after a time', async () => {
    let made = 0
    async function* endless(): AsyncGenerator<CursorPage> {
      for (;;) {
        made++
        yield {
          people: [],
          suppressed: [{ id: 'x'.repeat(1_000_000), suppressed: 'left' }],
          place: { among: 'members', after: '', begun: 0, policy: '', again: false },
          cursor: '',
          complete: false,
        }
      }
    }
    const server = fastify()
    const caller: Caller = { clientId: 'slow', sector: 'slow', customer: null, purposes: 0, scopes: new Set(), issuedAt: 0, authTime: null, grant: null }
    await server.register((scope) => audienceRoutes(scope, { callerOf: async () => caller, admit: () => {}, open: async () => endless(), patience: 300 }))
    const url = await server.listen({ host: '127.0.0.1', port: 0 })
    const response = await read(audienceUrl(url, 'any', { purpose }))
    const ended = new Promise((resolve) => response.once('error', resolve).once('close', resolve))
    response.pause()
    await vi.waitFor(async () => expect(await new Promise((resolve) => server.server.getConnections((_error, count) => resolve(count)))).toBe(0), {
      timeout: 10_000,
    })
    expect(made).toBeLessThan(50)
    response.resume()
    await ended
    expect(response.complete).toBe(false)
    await server.close()
  })
})

/** Its value when it has not changed for a while. */
async function stillAt(count: () => Promise<number>): Promise<number> {
  let [value, same] = [-1, 0]
  await vi.waitFor(
    async () => {
      const now = await count()
      same = now === value && now > 0 ? same + 1 : 0
      value = now
      expect(same).toBeGreaterThan(15)
    },
    { timeout: 20_000, interval: 100 },
  )
  return value
}
