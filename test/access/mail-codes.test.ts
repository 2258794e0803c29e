import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { mailCodes, type CodePlace, type MailCodes } from '../../src/access/mail-codes.ts'
import { mailLimits } from '../../src/access/mail-limits.ts'
import { jobQueue, type JobQueue } from '../../src/jobs/queue.ts'
import { addressKey } from '../../src/linking/keys.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import { post, type LetterTo } from '../../src/mail/post.ts'
import { customerStore } from '../../src/storage/customers.ts'
import { emailStore } from '../../src/storage/emails.ts'
import { jobStore } from '../../src/storage/jobs.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { codeStore, openRedis, type RedisConnection } from '../../src/storage/redis.ts'
import { inTransaction } from '../../src/storage/transaction.ts'

const addressKeys = { address: randomBytes(32) }
const key = randomBytes(32)
let db: Connection
let redis: RedisConnection
let jobs: JobQueue
let customers: ReturnType<typeof customerStore>
let emails: ReturnType<typeof emailStore>
let clock = Date.now()
let sent: LetterTo[] = []
let prefix = ''

/** As one process has it. */
function open(connection: RedisConnection = redis, available = true): MailCodes {
  const letters = { available, send: async (_: unknown, letter: LetterTo) => void sent.push(letter) }
  const limits = mailLimits(connection, key)
  return mailCodes({ codes: codeStore(connection, 'code'), limits, jobs, post: letters, emails, customers, key, addressKeys, now: () => clock })
}

beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/codes-${randomBytes(4).toString('hex')}$1`))
  ;[customers, emails] = [customerStore(db), emailStore(db)]
  jobs = jobQueue({ store: jobStore(db), key })
  await prepareCollections(db)
})
beforeEach(async () => {
  prefix = `codes-${randomBytes(6).toString('hex')}:`
  redis = await openRedis(inject('redisUrl'), prefix)
  await db.collection('jobs').deleteMany({})
  sent = []
  clock = Date.now()
})
afterEach(() => redis.disconnect())
afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

async function newPerson(address: string, change: { tokensValidFrom?: Date; state?: 'active' | 'erased' } = {}): Promise<string> {
  const customer = randomBytes(16).toString('base64url')
  const at = new Date(clock)
  await inTransaction(db, customer, async (tx) => {
    await customers.insert(tx, { ...newCustomer(customer, at), ...change })
    await emails.claim(tx, { _id: addressKey(addressKeys, address), customer, proof: 'verified', by: 'google', at })
  })
  return customer
}

const place = (change: Partial<CodePlace> = {}): CodePlace => ({ browser: 'browser', purpose: 'signIn', interaction: 'interaction', ...change })
const asked = (address: string, change: Partial<CodePlace> = {}) => ({ address, locale: 'en', ip: '192.0.2.1', ...place(change) })

/** What the worker does; the code that the letter of this address says. */
async function deliver(codes: MailCodes, to: string): Promise<string> {
  for (let job = await jobs.take(['mailCode']); job !== null; job = await jobs.take(['mailCode'])) {
    await codes.deliver(job, new AbortController().signal)
    await jobs.done(job)
  }
  const letter = sent.findLast((one) => one.to === to)
  return letter?.kind === 'signInCode' ? letter.facts.code : ''
}

const keysIn = async (): Promise<string[]> => (await redis.keys(`${prefix}*`)).map((name) => name.slice(prefix.length))

async function triesLeft(): Promise<number[]> {
  const names = (await keysIn()).filter((name) => name.startsWith('code-tries:'))
  return Promise.all(names.map(async (name) => Number(await redis.get(name))))
}

const wrong = (code: string) => String((Number(code) + 1) % 10 ** 8).padStart(8, '0')

describe('a code', () => {
  test('signs in who proved the address, once, however it is typed', async () => {
    const customer = await newPerson('anna@people.example')
    const codes = open()
    await codes.send(asked(' Anna@People.example '))
    const code = await deliver(codes, 'anna@people.example')
    expect(code).toMatch(/^\d{8}$/)
    expect(await codes.check({ ...place(), code: `${code.slice(0, 4)} ${code.slice(4)}` })).toBe(customer)
    expect(await codes.check({ ...place(), code })).toBeNull()
  })

  test('counts in its own browser, interaction and purpose only; guesses elsewhere cost it nothing', async () => {
    const customer = await newPerson('ben@people.example')
    const codes = open()
    await codes.send(asked('ben@people.example'))
    const code = await deliver(codes, 'ben@people.example')
    for (const other of [{ browser: 'other' }, { interaction: 'other' }, { purpose: 'stepUp' } as const])
      for (let n = 0; n < 10; n++) expect(await codes.check({ ...place(other), code })).toBeNull()
    expect(await codes.check({ ...place(), code })).toBe(customer)
  })

  test('is guessed at five times in all, also by a hundred at once over two processes', async () => {
    const customer = await newPerson('cem@people.example')
    const second = await openRedis(inject('redisUrl'), prefix)
    const processes = [open(), open(second)] as const
    let rightAfter = 0
    for (const others of [4, 5]) {
      await processes[0].send(asked('cem@people.example'))
      const code = await deliver(processes[0], 'cem@people.example')
      for (let n = 0; n < others; n++) expect(await processes[n % 2 === 0 ? 0 : 1].check({ ...place(), code: wrong(code) })).toBeNull()
      if ((await processes[1].check({ ...place(), code })) === customer) rightAfter = others
    }
    expect(rightAfter).toBe(4)

    await processes[0].send(asked('cem@people.example'))
    const code = await deliver(processes[0], 'cem@people.example')
    const guesses = Array.from({ length: 100 }, (_, n) =>
      processes[n % 2 === 0 ? 0 : 1].check({ ...place(), code: n < 99 ? String(n).padStart(8, '0') : code }),
    )
    const hits = (await Promise.all(guesses)).filter((one) => one !== null)
    expect(hits.length).toBeLessThanOrEqual(1)
    expect(await triesLeft()).toContain(5 - 100)
    expect(await processes[0].check({ ...place(), code })).toBeNull()
    second.disconnect()
  })

  test('that is right a hundred times at once lets one in', async () => {
    const customer = await newPerson('dan@people.example')
    const codes = open()
    await codes.send(asked('dan@people.example'))
    const code = await deliver(codes, 'dan@people.example')
    const answers = await Promise.all(Array.from({ length: 100 }, () => codes.check({ ...place(), code })))
    expect(answers.filter((one) => one !== null)).toEqual([customer])
  })

  test('B04 ends after ten minutes, when another is asked for, and when the account is secured', async () => {
    const customer = await newPerson('eva@people.example')
    const codes = open()
    const fresh = async () => {
      await codes.send(asked('eva@people.example'))
      return deliver(codes, 'eva@people.example')
    }
    const late = await fresh()
    clock += 10 * 60_000 + 1
    expect(await codes.check({ ...place(), code: late })).toBeNull()
    const replaced = await fresh()
    const newest = await fresh()
    expect(await codes.check({ ...place(), code: replaced })).toBeNull()
    expect(await codes.check({ ...place(), code: newest })).toBe(customer)
    const before = await fresh()
    await inTransaction(db, customer, async (tx) => void (await customers.update(tx, customer, { $set: { tokensValidFrom: new Date(clock + 1) } })))
    expect(await codes.check({ ...place(), code: before })).toBeNull()
  })

  test('opens no account that is not active', async () => {
    await newPerson('gone@people.example', { state: 'erased' })
    const codes = open()
    await codes.send(asked('gone@people.example'))
    expect(await deliver(codes, 'gone@people.example')).toBe('')
  })

  test('is nowhere to be read: not in Redis, not in MongoDB, nor is the address', async () => {
    await newPerson('fay@people.example')
    const codes = open()
    await codes.send(asked('fay@people.example'))
    const inMongo = JSON.stringify(await db.collection('jobs').find().toArray())
    const inRedis = JSON.stringify(await Promise.all((await keysIn()).map(async (name) => [name, await redis.get(name)])))
    const code = await deliver(codes, 'fay@people.example')
    expect(code).not.toBe('')
    for (const stored of [inMongo, inRedis]) for (const secret of [code, 'fay@people', 'fay']) expect(stored).not.toContain(secret)
  })
})

describe('asking for a code', () => {
  test('B43 B44 leaves the same behind for an address that is known and one that is not, and answers the same', async () => {
    await newPerson('known@people.example')
    const codes = open()
    const left = async (address: string, interaction: string) => {
      const before = await keysIn()
      const answer = await codes.send({ ...asked(address, { interaction }), ip: `ip of ${interaction}` })
      const added = (await keysIn()).filter((name) => !before.includes(name)).toSorted()
      const stored = await Promise.all(added.map(async (name) => [name.replace(/:[^:]*$/, ''), String(await redis.get(name)).length]))
      const [job] = await db.collection('jobs').find().toArray()
      await db.collection('jobs').deleteMany({})
      return { answer, stored, job: [Object.keys(job ?? {}), String(job?.['sealed']).length] }
    }
    expect(await left('known@people.example', 'one')).toEqual(await left('nobody@people.exampl', 'two'))
  })

  test('B44 looks nobody up: that is the work of the letter', async () => {
    const codes = mailCodes({
      codes: codeStore(redis, 'code'),
      limits: mailLimits(redis, key),
      jobs,
      post: post({ jobs, house: { name: 'x', publicUrl: 'http://localhost' }, providerName: String, available: true }),
      emails: { read: () => expect.fail('asked for an address') },
      customers: { read: () => expect.fail('asked for a customer') },
      key,
      addressKeys,
    })
    await codes.send(asked('anybody@people.example'))
    expect(await codes.check({ ...place(), code: 'not it' })).toBeNull()
  })

  test('B49 D33 is limited by address, known or not, and by place in the network', async () => {
    const codes = open()
    for (let n = 0; n < 5; n++) await codes.send({ ...asked('flood@people.example'), ip: `192.0.2.${n}` })
    await expect(codes.send({ ...asked('Flood@people.example'), ip: '192.0.2.99' })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      hints: { retryAfter: expect.any(Number) },
    })
    for (let n = 0; n < 50; n++) await codes.send({ ...asked(`person-${n}@people.example`), ip: '198.51.100.1' })
    await expect(codes.send({ ...asked('another@people.example'), ip: '198.51.100.1' })).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })

  test.for([
    '',
    'anna',
    'a@b',
    'a@people.example, b@people.example',
    'a@people.example\r\nBcc: b@people.example',
    '"a b"@people.example',
    'ann\u0430@people.example',
  ])('refuses %j', async (address) => {
    await expect(open().send(asked(address))).rejects.toMatchObject({ code: 'BAD_USER_INPUT', hints: { field: 'address' } })
    expect(await db.collection('jobs').countDocuments()).toBe(0)
  })

  test('is refused, and so is checking, while Redis is away; and without a mail server', async () => {
    const away = await openRedis(inject('redisUrl'), prefix)
    away.disconnect()
    const codes = open(away)
    await expect(codes.send(asked('anna@people.example'))).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' })
    await expect(codes.check({ ...place(), code: '00000000' })).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' })
    await expect(open(redis, false).send(asked('anna@people.example'))).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' })
    expect(await db.collection('jobs').countDocuments()).toBe(0)
  })
})
