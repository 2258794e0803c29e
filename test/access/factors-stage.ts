import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { secondFactors } from '../../src/access/second-factors.ts'
import { auditLog } from '../../src/audit/log.ts'
import { builtInPurposes } from '../../src/config/policy.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import type { Letter } from '../../src/mail/letter.ts'
import type { Caller, CustomerKey } from '../../src/operation.ts'
import { auditStore, type AuditRow } from '../../src/storage/audit-log.ts'
import { credentialStore } from '../../src/storage/credentials.ts'
import { customerStore, type CustomerRow } from '../../src/storage/customers.ts'
import { guessStore } from '../../src/storage/guesses.ts'
import { keyStore } from '../../src/storage/keys.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { openRedis } from '../../src/storage/redis.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { Authenticator } from '../support/authenticator.ts'
import { demoPolicy } from '../support/house.ts'
import { Secret, TOTP } from 'otpauth'

export const origin = 'https://shop.example'
const key = () => randomBytes(16).toString('base64url')

/** Second factors on real servers, with a clock of their own; letters and mailed codes are only written down. */
export async function openFactorsStage() {
  await using opening = new AsyncDisposableStack()
  const name = `f${randomBytes(6).toString('hex')}`
  const db = opening.adopt(await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/${name}$1`)), async (connection) => {
    await connection.dropDatabase()
    await connection.close()
  })
  const redis = opening.adopt(await openRedis(inject('redisUrl'), `${name}:`), (one) => one.disconnect())
  const [customers, credentials, guessed, events] = [customerStore(db), credentialStore(db), guessStore(db), auditStore(db)]
  const keys = keyStore(db, { current: 'a secret that is long enough for tests' })
  await prepareCollections(db)
  const clock = { at: Date.parse('2026-05-04T09:30:00Z') }
  const letters: Letter['kind'][] = []
  const mailed = { owner: null as CustomerKey | null }
  const audit = auditLog(events)
  const parts = {
    db,
    customers,
    credentials,
    guessed,
    audit,
    post: { toCustomer: async (_tx: unknown, _row: CustomerRow, { kind }: Letter) => void letters.push(kind) },
    mailCodes: {
      available: true,
      send: () => Promise.resolve(),
      check: ({ code }: { code: string }) => Promise.resolve(code === '12345678' ? mailed.owner : null),
    },
    policy: demoPolicy,
    publicUrl: origin,
    keys,
    redis,
    now: () => clock.at,
  }
  const open = () => secondFactors(parts)
  const second = await open()
  const opened = opening.move()

  /** A person at the account centre, who has just signed in. */
  async function person(change: Partial<CustomerRow> = {}): Promise<Caller & { readonly customer: CustomerKey; readonly grant: string }> {
    const customer = key()
    const identity = { id: key(), key: key(), provider: 'google', linkedAt: new Date(), lastUsedAt: new Date() }
    const row = { ...newCustomer(customer, new Date(clock.at)), identities: [identity], ...change }
    await inTransaction(db, customer, (tx) => customers.insert(tx, row))
    return {
      clientId: 'account',
      sector: 'house',
      customer,
      purposes: builtInPurposes,
      scopes: new Set(),
      issuedAt: clock.at,
      authTime: clock.at,
      grant: key(),
    }
  }
  type Person = Awaited<ReturnType<typeof person>>

  const codeAt = (secret: string, steps = 0): string => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: clock.at + steps * 30_000 })

  /** Gives the person an authenticator app; time then goes on, so that its codes are fresh. */
  async function withTotp(who: Person): Promise<string> {
    const { secret } = await second.enrolment.startTotp(who)
    await second.enrolment.confirmTotp(who, codeAt(secret))
    clock.at += 120_000
    return secret
  }

  async function withPasskey(who: Person, authenticator = new Authenticator(origin)): Promise<Authenticator> {
    const { handle, options } = await second.enrolment.startPasskey(who)
    const made = authenticator.make({ handle, options: JSON.parse(options) as object })
    await second.enrolment.addPasskey(who, { name: 'My key', handle, response: JSON.stringify(made.response) })
    return authenticator
  }

  const row = async (who: Person): Promise<CustomerRow> => {
    const found = await customers.read(who.customer)
    if (found === null) throw new Error('no such customer')
    return found
  }
  const noted = async (type: string): Promise<AuditRow[]> => db.collection<AuditRow>('audit_log').find({ type }).toArray() as Promise<AuditRow[]>

  return {
    ...second,
    /** Another process on the same servers. */
    another: open,
    db,
    redis,
    clock,
    letters,
    mailed,
    person,
    withTotp,
    withPasskey,
    codeAt,
    row,
    noted,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What became of it: `done`, or the code of the refusal. */
export const outcome = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'done'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
