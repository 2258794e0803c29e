import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { auditLog, firstBroken } from '../../src/audit/log.ts'
import { comeAlong } from '../../src/consent/before-login.ts'
import { choicesOf } from '../../src/consent/choices.ts'
import { ledgerHash } from '../../src/consent/ledger.ts'
import { setDecisions, type DecisionParts } from '../../src/consent/set-decisions.ts'
import { EntenteError } from '../../src/errors.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { chainId, ledgerStore } from '../../src/storage/consent-ledger.ts'
import { customerStore } from '../../src/storage/customers.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inSharedTransaction } from '../../src/storage/shared-transaction.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { caller, classification, customer, demoPolicy, now } from './fixture.ts'

const deep = process.env['ENTENTE_DEEP'] === '1'
const many = deep ? 10_000 : 700

let db: Connection
let parts: DecisionParts
let customers: ReturnType<typeof customerStore>
let ledger: ReturnType<typeof ledgerStore>
let audits: ReturnType<typeof auditStore>
let clock: Date

beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/many-${randomBytes(4).toString('hex')}$1`))
  ;[customers, ledger, audits] = [customerStore(db), ledgerStore(db), auditStore(db)]
  await prepareCollections(db)
  clock = now
  parts = {
    policy: demoPolicy,
    classification,
    clients: () => [],
    transaction: (about, work) => inSharedTransaction(db, about, work),
    customers,
    ledger,
    audit: auditLog(audits),
    decisionsUrl: 'http://localhost/account#decisions',
    signReceipt: async (claims) => JSON.stringify(claims),
    subjectOf: () => 'somebody',
    now: () => clock,
  }
})

afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

async function newCustomer(): Promise<string> {
  const _id = randomBytes(16).toString('base64url')
  await inTransaction(db, _id, (tx) => customers.insert(tx, customer({ _id })))
  return _id
}

const asPerson = (key: string) =>
  caller(demoPolicy, ['data_subject_access'], { clientId: 'account', sector: 'account', customer: key, grant: 'grant', issuedAt: now.getTime() })
const said = (granted: boolean) => ({ purpose: 'personalised_shop', granted, textVersion: '2026-01' })
const decide = (key: string, granted: boolean, idempotencyKey: string | null = null) =>
  setDecisions(parts)(asPerson(key), { decisions: [said(granted)], idempotencyKey, locale: 'de' })

/** Whoever is told OVERLOADED comes back. */
async function untilTaken<T>(ask: () => Promise<T>, tries = 20): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (tries > 0 && error instanceof EntenteError && error.code === 'OVERLOADED') return untilTaken(ask, tries - 1)
    throw error
  }
}

/** What is in the ledger is one chain, what is in force is its last word, and the log says the same. */
async function expectWhole(key: string, entries: number): Promise<void> {
  const [rows, row, log] = [await ledger.read(key), await customers.read(key), await audits.chain(key)]
  expect([rows.length, log.length, row?.consentVersion, row?.ledger.seq, row?.audit.seq]).toEqual(Array(5).fill(entries))
  let prev = ''
  for (const [at, entry] of rows.entries()) {
    const { hash, ...rest } = entry
    expect([entry._id, entry.prev, hash]).toEqual([chainId(key, at + 1), prev, ledgerHash(rest)])
    prev = hash
  }
  expect([row?.ledger.hash, row?.audit.hash]).toEqual([prev, log.at(-1)?.hash ?? ''])
  expect(firstBroken(log)).toBeNull()
  const last = rows.at(-1)?.decisions[0]
  expect(row?.decisions['personalised_shop']?.state).toBe(last?.state)
  expect(row?.grants).toEqual(last?.state === 'granted' ? ['personalised_shop@2026-01'] : [])
}

describe('very many decisions of one customer', () => {
  test('at the same instant: each is recorded in its turn or refused with the time to come back, none waits longer than ten seconds', async () => {
    const key = await newCustomer()
    let slowest = 0
    const answers = await Promise.all(
      Array.from({ length: many }, async (_, n) => {
        const begun = performance.now()
        const answer = await decide(key, n % 2 === 0).catch((error: unknown) => error)
        slowest = Math.max(slowest, performance.now() - begun)
        return answer
      }),
    )
    const refused = answers.filter((answer) => answer instanceof EntenteError)
    for (const { code, hints } of refused) expect([code, hints.retryAfter]).toEqual(['OVERLOADED', expect.any(Number)])
    expect(refused.length).toBeGreaterThanOrEqual(many - 500)
    expect(slowest).toBeLessThan(10_500)
    // One more, behind whatever is still under way.
    answers.push(await decide(key, false))
    // Who was told after nine seconds that it took too long may be in it all the same, with those of the same transaction, and nobody else.
    const recorded = (await ledger.read(key)).map(({ receipt }) => receipt)
    const answered = answers.flatMap((answer) => ('id' in Object(answer) ? [Reflect.get(Object(answer), 'id')] : []))
    expect(recorded).toEqual(expect.arrayContaining(answered))
    expect(recorded.length - answered.length).toBeLessThanOrEqual(32)
    await expectWhole(key, recorded.length)
  }, 60_000)

  test(
    'by several who come back when they were refused: all of them, each once',
    async () => {
      const key = await newCustomer()
      const each = deep ? 625 : 6
      await Promise.all(
        Array.from({ length: 16 }, async (_, device) => {
          for (let n = 0; n < each; n++) {
            const once = `${device}-${n}`
            await untilTaken(() => decide(key, n % 2 === 0, once))
          }
        }),
      )
      await expectWhole(key, 16 * each)
    },
    deep ? 900_000 : 120_000,
  )
})

describe('when time is not what it seems', () => {
  test('a clock that is set back changes neither the order nor what is in force: the last word is the last one said', async () => {
    const key = await newCustomer()
    await decide(key, true)
    clock = new Date(now.getTime() - 3_600_000)
    await decide(key, false)
    clock = new Date(now.getTime() + 86_400_000)
    await decide(key, true)
    clock = now
    await decide(key, false)
    await expectWhole(key, 4)
    expect((await customers.read(key))?.decisions['personalised_shop']).toMatchObject({ state: 'withdrawn', at: now })
  })

  test('what is said to have been decided in the future is refused, and nothing is written', async () => {
    const key = await newCustomer()
    const tomorrow = new Date(now.getTime() + 86_400_000)
    const bring = (at: Date) =>
      comeAlong(parts)(asPerson(key), key, {
        choices: choicesOf([said(true)], demoPolicy),
        at,
        locale: 'de',
        evidence: { by: 'before login', at: at.toISOString() },
      })
    await expect(bring(tomorrow)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expectNothing(key)
  })

  test('an old decision that is played again does not bring back what was taken back since', async () => {
    const key = await newCustomer()
    const first = await decide(key, true, 'first')
    const yesterday = new Date(now.getTime() - 86_400_000)
    await decide(key, false)
    expect((await decide(key, true, 'first')).id).toBe(first.id)
    const again = {
      choices: choicesOf([said(true)], demoPolicy),
      at: yesterday,
      locale: 'de',
      evidence: { by: 'before login' as const, at: yesterday.toISOString() },
    }
    expect(await comeAlong(parts)(asPerson(key), key, again)).toBeNull()
    await expectWhole(key, 2)
    expect((await customers.read(key))?.decisions['personalised_shop']?.state).toBe('withdrawn')
  })
})

async function expectNothing(key: string): Promise<void> {
  expect([await ledger.read(key), await audits.chain(key), (await customers.read(key))?.decisions]).toEqual([[], [], {}])
}
