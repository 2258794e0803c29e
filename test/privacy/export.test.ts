import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { csvLine } from '../../src/privacy/csv.ts'
import { ledgerHash } from '../../src/consent/ledger.ts'
import type { CustomerRow } from '../../src/storage/customers.ts'
import { leavesOf } from '../../src/config/segment-rule.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { unzipped } from '../support/archives.ts'
import { demoPolicy } from '../support/house.ts'
import { newCanary } from '../support/canaries.ts'
import { openExportStage, type ExportStage } from './export-stage.ts'

let stage: ExportStage
const today = Math.floor(Date.now() / 86_400_000)
/** Step of a tally within 90 days. */
const day90 = Math.floor(today / 3)
beforeAll(async () => {
  stage = await openExportStage()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

/** Asks for an archive and builds it. */
async function made(customer: string): Promise<string> {
  const { id } = await stage.door.request(stage.callerOf(customer))
  await stage.run(id)
  return id
}
const stateOf = async (customer: string, id: string) => (await stage.door.of(customer)).find((one) => one.id === id)?.state
const chunksOf = (id: string) => stage.db.collection('export_chunks').countDocuments({ export: id })

describe('what is in it', () => {
  /** In every place where something is kept about a person: what must be in the archive, and what must not. */
  async function filled(name: string) {
    const told = new Map<string, string>()
    const secret = new Map<string, string>()
    const into = (places: Map<string, string>) => (place: string) => {
      const value = newCanary()
      places.set(`${name} ${place}`, value)
      return value
    }
    const [tell, hide] = [into(told), into(secret)]
    const at = new Date()
    const identity = (place: string) => ({
      id: tell(`${place} id`),
      key: hide(`${place} key`),
      provider: tell(`${place} provider`),
      linkedAt: at,
      lastUsedAt: at,
      email: tell(`${place} email`),
    })
    const profile = (place: string) => ({
      email: tell(`${place} email`),
      givenName: tell(`${place} givenName`),
      familyName: tell(`${place} familyName`),
      pictureUrl: tell(`${place} pictureUrl`),
      postcode: tell(`${place} postcode`),
      country: tell(`${place} country`),
      locale: tell(`${place} locale`),
      traits: { clothingSize: tell(`${place} trait`), [tell(`${place} trait of old`)]: tell(`${place} value of old`) },
      sources: { email: { from: tell(`${place} source`), at } },
      identities: [identity(place)],
      devices: [
        {
          id: tell(`${place} device`),
          key: hide(`${place} device key`),
          agent: tell(`${place} agent`),
          place: tell(`${place} place`),
          firstAt: at,
          lastAt: at,
        },
      ],
      factors: [{ id: tell(`${place} factor`), kind: 'passkey' as const, key: hide(`${place} factor key`), name: tell(`${place} factor name`), addedAt: at }],
      derived: {
        email_marketing: {
          sums: { ordersLastYear: [today, 7] },
          tallies: { favouriteCategories: JSON.stringify([[tell(`${place} favourite`), day90, 5]]) },
          marks: { lastBrandBought: [{ at, id: hide(`${place} event of a mark`), value: tell(`${place} last brand`) }] },
          interests: { category: JSON.stringify([[tell(`${place} interest`), 0, 5120]]) },
          happened: '',
        },
        [tell(`${place} purpose of old, derived`)]: {
          sums: { [tell(`${place} sum of old`)]: [1, 2] },
          tallies: {},
          marks: {},
          interests: { brand: JSON.stringify([[tell(`${place} interest of old`), 1, 2]]) },
          happened: JSON.stringify([[tell(`${place} event that a rule counts`), 1, 2]]),
        },
      },
      memberships: [tell(`${place} group of old`), 'winter_sport@email_marketing'],
      interestsOff: [tell(`${place} interest that is off`)],
      decisions: { [tell(`${place} purpose of old`)]: { state: 'granted' as const, textVersion: tell(`${place} text`), at } },
    })
    const merge = tell('merge')
    const customer = await stage.addCustomer({ ...profile('customer'), merges: [{ id: merge, mergedAt: at, undoUntil: new Date(at.getTime() + 1e9) }] })
    const absorbed = await stage.addCustomer({ state: 'merged', mergedInto: customer })
    const { rows, db } = stage
    const before = (row: CustomerRow, place: string): CustomerRow => ({ ...row, state: 'active', ...profile(place) })
    const [here, there] = await Promise.all([rows.customers.read(customer), rows.customers.read(absorbed)])
    if (!here || !there) throw new Error('nobody was added')
    await inTransaction(db, customer, async (tx) => {
      for (const [n, chain] of [customer, absorbed].entries()) {
        const decisions = [
          {
            purpose: tell(`ledger ${n} purpose`),
            state: 'granted' as const,
            textVersion: tell(`ledger ${n} text`),
            textHash: tell(`ledger ${n} hash`),
            locale: tell(`ledger ${n} locale`),
          },
        ]
        const turn = n === 0 ? { turn: { what: 'absorbed' as const, other: absorbed, head: tell('turn head'), inForce: {} } } : {}
        const entry = {
          _id: `${chain}/0000000001`,
          receipt: tell(`ledger ${n} receipt`),
          decisions,
          surface: tell(`ledger ${n} surface`),
          at,
          prev: '',
          ...turn,
        }
        await rows.ledger.append(tx, { ...entry, hash: ledgerHash(entry) })
      }
      await rows.merges.insert(tx, {
        id: merge,
        survivor: customer,
        absorbed,
        undoUntil: new Date(at.getTime() + 1e9),
        before: { survivor: before(here, 'before'), absorbed: before(there, 'absorbed'), emails: [] },
      })
      await rows.emails.claim(tx, { _id: hide('address hash'), customer, proof: 'verified', by: tell('address by'), at })
      await rows.credentials.insert(tx, [{ _id: hide('credential'), customer, factor: 'f', publicKey: hide('public key'), sealed: hide('sealed secret') }])
      await rows.requests.insert(tx, {
        _id: tell('request'),
        kind: 'access',
        customer,
        reason: tell('request reason'),
        openedAt: at,
        openedBy: hide('operator'),
        dueAt: at,
        answer: tell('request answer'),
      })
    })
    for (const [n, owner] of [customer, absorbed].entries())
      await db.collection('events').insertOne({
        _id: hide(`event ${n} id`) as never,
        customer: owner,
        name: tell(`event ${n} name`),
        at,
        receivedAt: at,
        client: tell(`event ${n} client`),
        purposes: [tell(`event ${n} purpose`)],
        properties: { category: tell(`event ${n} property`) },
        expiresAt: new Date(at.getTime() + 1e9),
      })
    await db.collection('identities').insertOne({ _id: hide('identity') as never, customer, provider: 'google', publicId: 'p', grant: hide('grant') })
    for (const subject of [customer, absorbed])
      await stage.audit.note({
        type: 'data.read',
        client: tell(`${subject} client`),
        actor: 'client',
        subjects: [subject],
        purposes: [tell(`${subject} purpose`)],
        categories: [tell(`${subject} category`)],
      })
    return { customer, absorbed, told, secret }
  }

  test('every value that is kept about the person, and nobody else’s; no secret, and no key of the house', async () => {
    const one = await filled('one')
    const other = await filled('other')
    await stage.audit.note({ type: 'data.read', client: 'marketing', actor: 'client', subjects: [one.customer, other.customer] })
    const zip = await stage.fetched(one.customer, await made(one.customer))
    const text = [...(await unzipped(zip ?? Buffer.alloc(0))).values()].join('\n')
    expect([...one.told].filter(([, value]) => !text.includes(value)).map(([place]) => place)).toEqual([])
    const hidden = new Map([...one.secret, ...other.told, ...other.secret])
    for (const key of [one.customer, one.absorbed, other.customer, other.absorbed]) hidden.set(`key ${key}`, key)
    expect([...hidden].filter(([, value]) => text.includes(value)).map(([place]) => place)).toEqual([])
    const raw = JSON.stringify(await stage.db.collection('export_chunks').find().toArray())
    expect([...one.told.values()].filter((value) => raw.includes(value) || raw.includes(Buffer.from(value).toString('base64').slice(2, -4)))).toEqual([])
  })

  test('what was worked out, with its value, and the rule of each group with what of it is so', async () => {
    const [customer, other] = await Promise.all(
      ['Skis', 'Boots'].map((name) =>
        stage.addCustomer({
          country: 'DE',
          derived: {
            email_marketing: {
              sums: { ordersLastYear: [today, 7] },
              tallies: { favouriteCategories: JSON.stringify([[name, day90, 5]]) },
              marks: {},
              interests: { category: JSON.stringify([[name, 0, 1]]) },
              happened: '',
            },
          },
          memberships: ['winter_sport@email_marketing'],
        }),
      ),
    )
    const files = await unzipped((await stage.fetched(customer ?? '', await made(customer ?? ''))) ?? Buffer.alloc(0))
    const { purposes } = JSON.parse(files.get('derived.json') ?? '')
    const forLetters = purposes.find(({ purpose }: { purpose: string }) => purpose === 'email_marketing')
    const logic = { compute: 'count', event: 'Order Completed', property: null, days: expect.any(Number) }
    expect(forLetters.traits).toContainEqual({ name: 'ordersLastYear', value: 7, logic })
    for (const segment of demoPolicy.segments.filter(({ mask }) => (mask & demoPolicy.maskOf(['email_marketing'])) !== 0)) {
      const told = forLetters.segments.find(({ id }: { id: string }) => id === segment.id)
      expect(told).toMatchObject({ rule: segment.rule, member: segment.id === 'winter_sport' })
      expect(told.conditions).toHaveLength(leavesOf(segment.rule).length)
    }
    expect([...files.values()].join('\n')).not.toContain('Boots')
    expect(other).not.toBe(customer)
  })

  test('a place where something is kept that is neither in the archive nor known to need none is found here', () => {
    const inIt = ['customers', 'consent_ledger', 'audit_log', 'emails', 'merges', 'privacy_requests', 'exports', 'openid', 'events']
    const notInIt: Readonly<Record<string, string>> = {
      identities: 'the summary in the customer has all but hashes and what opens a provider',
      credentials: 'what proves a factor: hashes, public keys, sealed secrets',
      jobs: 'letters and work under way, encrypted, for minutes',
      guesses: 'how often a factor was guessed wrongly, for days',
      export_chunks: 'the archive itself',
      erasures: 'that an erasure waits is in the customer; what is done is about nobody any more',
      held_data: 'of erased people',
      customer_keys: 'a random key that only backups need',
      anonymous_events: 'of nobody known: under a pseudonym, for days',
      audience_changes: 'which groups somebody came into or left, told to receivers: what groups they are in is in the customer, who was told in the audit log',
      audience_receivers: 'how far each client has read',
      clients: 'about no person',
      client_changes: 'what operators proposed for clients',
      keys: 'about no person',
    }
    const models = Object.keys(stage.db.models)
    expect(models.filter((name) => !inIt.includes(name) && notInIt[name] === undefined && !aboutNobody.includes(name))).toEqual([])
  })
  const aboutNobody = [
    'ledger_checkpoints',
    'checkpoint_heads',
    'published_keys',
    'leases',
    'alerts',
    'login_funnel',
    'rule_walks',
    'seen_scopes',
    'seen_attributes',
  ]

  test('a table is no program: cells that begin like a formula are text', () => {
    for (const sign of ['=', '+', '-', '@', '\t', '\r']) expect(csvLine([`${sign}cmd|' /C calc'!A0`])).toBe(`"'${sign}cmd|' /C calc'!A0"\r\n`)
    expect(csvLine(['a"b', 'ä,ö', ''])).toBe('"a""b","ä,ö",""\r\n')
  })

  test('values are text in the page too', async () => {
    const customer = await stage.addCustomer({ givenName: '<script>alert(1)</script>', locale: 'de-AT' })
    const files = await unzipped((await stage.fetched(customer, await made(customer))) ?? Buffer.alloc(0))
    expect(files.get('index.html')).toContain('&lt;script&gt;alert(1)')
    expect(files.get('index.html')).not.toContain('<script')
    expect(files.get('index.html')).toContain('lang="de"')
    expect(files.get('index.html')).toContain('=Shop &amp; &lt;Co&gt;')
  })
})

describe('how long, and for whom', () => {
  test('a day by the policy, and not a moment more', async () => {
    const customer = await stage.addCustomer()
    const id = await made(customer)
    expect(await stage.fetched(customer, id)).toBeInstanceOf(Buffer)
    stage.clock.now += 86_400_000 - 1
    expect(await stage.fetched(customer, id)).toBeInstanceOf(Buffer)
    stage.clock.now += 1
    expect(await stage.fetched(customer, id)).toBeNull()
    expect(await stateOf(customer, id)).toBe('EXPIRED')
  })

  test('one that was never finished has failed, and leaves room for another', async () => {
    const customer = await stage.addCustomer()
    const { id } = await stage.door.request(stage.callerOf(customer))
    expect((await stage.door.request(stage.callerOf(customer))).id).toBe(id)
    stage.clock.now += 86_400_000
    expect(await stateOf(customer, id)).toBe('FAILED')
    expect((await stage.door.request(stage.callerOf(customer))).id).not.toBe(id)
  })
})

describe('whatever ends it in the middle', () => {
  /** So many events about the customer. */
  const history = async (customer: string, count: number): Promise<void> => {
    const event = {
      type: 'data.read',
      client: 'storefront',
      actor: 'client',
      subjects: [customer],
      purposes: ['order_processing'],
      categories: ['user.contact.email', 'user.name'],
    } as const
    for (let from = 0; from < count; from += 5_000) await Promise.all(Array.from({ length: Math.min(5_000, count - from) }, () => stage.audit.note(event)))
  }

  test('a run that others took over from harms nothing, however late it goes on', async () => {
    const customer = await stage.addCustomer({ givenName: newCanary() })
    const { id } = await stage.door.request(stage.callerOf(customer))
    const row = await stage.rows.exports.begin(id, 1, new Date(stage.clock.now + 1e6))
    if (row === null) throw new Error('there is nothing to build')
    await stage.rows.exports.putChunk(row, 0, randomBytes(1000), false)
    await stage.run(id, 2)
    const zip = await stage.fetched(customer, id)
    await stage.rows.exports.putChunk(row, 1, randomBytes(1000), true)
    expect(await inTransaction(stage.db, customer, (tx) => stage.rows.exports.ready(tx, row, { readyAt: new Date(), size: 1, chunks: 1 }))).toBe(false)
    await stage.rows.exports.removeChunks(row)
    expect(await stage.fetched(customer, id)).toEqual(zip)
    await stage.run(id, 3)
    expect(await stage.fetched(customer, id)).toEqual(zip)
  })

  test('a run that fails leaves nothing, and the next one begins anew; after the sixth it has failed', async () => {
    const customer = await stage.addCustomer()
    await history(customer, 3_000)
    const { id } = await stage.door.request(stage.callerOf(customer))
    const cut = new AbortController()
    cut.abort()
    const job = { id: `export:${id}`, kind: 'export', attempts: 1, payload: { id }, customer }
    await expect(stage.work(job, cut.signal, async () => {})).rejects.toThrow('aborted')
    expect(await chunksOf(id)).toBe(0)
    expect(await stateOf(customer, id)).toBe('PENDING')
    await stage.run(id, 7)
    expect(await stateOf(customer, id)).toBe('FAILED')
  })

  test('signing out everywhere while it is built, or being erased, ends it', async () => {
    const customer = await stage.addCustomer()
    const { id } = await stage.door.request(stage.callerOf(customer))
    await inTransaction(stage.db, customer, (tx) => stage.rows.customers.update(tx, customer, { $set: { tokensValidFrom: new Date(stage.clock.now + 1) } }))
    await stage.run(id)
    expect([await stateOf(customer, id), await chunksOf(id)]).toEqual(['FAILED', 0])
    const gone = await stage.addCustomer()
    const { id: theirs } = await stage.door.request(stage.callerOf(gone))
    await stage.db.collection('exports').deleteMany({ customer: gone })
    await stage.run(theirs)
    expect(await chunksOf(theirs)).toBe(0)
  })

  test('a chunk that was changed, moved or left out is not given out', async () => {
    const customer = await stage.addCustomer({ traits: { clothingSize: randomBytes(600_000).toString('base64') } })
    const id = await made(customer)
    const chunks = stage.db.collection<{ _id: string; sealed: unknown }>('export_chunks')
    const [first, second, third] = await chunks
      .find({ export: id } as object)
      .sort({ _id: 1 })
      .toArray()
    if (!first || !second || !third) throw new Error('it has fewer chunks than that')
    for (const [place, sealed] of [
      [first._id, second.sealed],
      [third._id, first.sealed],
    ] as const) {
      const was = await chunks.findOne({ _id: place })
      await chunks.updateOne({ _id: place }, { $set: { sealed } })
      await expect(stage.fetched(customer, id)).rejects.toThrow('missing or was changed')
      await chunks.updateOne({ _id: place }, { $set: { sealed: was?.sealed } })
    }
    await stage.db.collection('exports').updateOne({ _id: id as never }, { $inc: { chunks: -1 } })
    await expect(stage.fetched(customer, id)).rejects.toThrow('missing or was changed')
  })

  test('a hundred thousand records go through without being held', async () => {
    const customer = await stage.addCustomer()
    await history(customer, 100_000)
    const { id } = await stage.door.request(stage.callerOf(customer))
    const before = process.memoryUsage.rss()
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20)
    const begun = performance.now()
    await stage.run(id)
    clearInterval(watch)
    const seconds = (performance.now() - begun) / 1000
    expect((most - before) / 2 ** 20).toBeLessThan(200)
    expect(seconds).toBeLessThan(60)
    const files = await unzipped((await stage.fetched(customer, id)) ?? Buffer.alloc(0))
    expect(files.get('who-read-what.csv')?.split('\r\n')).toHaveLength(100_000 + 3)
    expect(JSON.parse(files.get('who-read-what.json') ?? '')).toHaveLength(100_000 + 1)
  }, 120_000)
})
