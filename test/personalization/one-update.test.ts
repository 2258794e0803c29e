import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { auditLog } from '../../src/audit/log.ts'
import { setDecisions } from '../../src/consent/set-decisions.ts'
import { audienceFields } from '../../src/personalization/audience-fields.ts'
import { followUp } from '../../src/personalization/follow-up.ts'
import { markedCustomers } from '../../src/personalization/marked-customers.ts'
import { segmentedCustomers } from '../../src/personalization/segmented-customers.ts'
import type { AudienceChange } from '../../src/storage/audience-changes.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { ledgerStore } from '../../src/storage/consent-ledger.ts'
import { customerStore, type CustomerRow, type CustomerStore } from '../../src/storage/customers.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { caller, classification, customer, demoPolicy, now } from '../consent/fixture.ts'

let db: Connection
let customers: CustomerStore
const told: AudienceChange[] = []
const sent: string[] = []

beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/one-update-${randomBytes(4).toString('hex')}$1`), { monitorCommands: true })
  const changes = { put: async (_: unknown, marks: readonly AudienceChange[]) => void told.push(...marks) }
  const marking = { changes, fields: audienceFields(classification), policy: demoPolicy, tell: async () => {}, now: () => now }
  customers = segmentedCustomers(markedCustomers(customerStore(db), marking), followUp(demoPolicy), () => now)
  auditStore(db)
  ledgerStore(db)
  await prepareCollections(db)
  db.getClient().on('commandStarted', ({ commandName }) => void sent.push(commandName))
})
afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

async function personWith(change: Partial<CustomerRow>): Promise<string> {
  const _id = randomBytes(16).toString('base64url')
  await inTransaction(db, _id, (tx) => customers.insert(tx, customer({ ...change, _id })))
  return _id
}

async function decide(key: string, granted: boolean): Promise<string[]> {
  sent.length = 0
  const transaction = <T>(about: string, work: Parameters<typeof inTransaction<T>>[2]): Promise<T> => inTransaction(db, about, work)
  const parts = { policy: demoPolicy, classification, clients: () => [], transaction, customers, ledger: ledgerStore(db), audit: auditLog(auditStore(db)) }
  const signing = { decisionsUrl: 'http://localhost/account', signReceipt: async () => '', subjectOf: () => 'somebody', now: () => now }
  const who = caller(demoPolicy, ['data_subject_access'], { clientId: 'account', sector: 'account', customer: key, grant: 'grant' })
  await setDecisions({ ...parts, ...signing })(who, {
    decisions: [{ purpose: 'email_marketing', granted, textVersion: '2026-01' }],
    idempotencyKey: null,
    locale: 'de',
  })
  return sent.filter((name) => !['hello', 'ping', 'endSessions'].includes(name))
}

test('a decision is one read, three writes and a commit, and what follows from it for segments and audiences goes into the same write', async () => {
  const granted = { state: 'granted', textVersion: '2026-01', at: now } as const
  const key = await personWith({ decisions: { email_marketing: granted }, grants: ['email_marketing@2026-01'], memberships: ['winter_sport@email_marketing'] })
  told.length = 0
  expect(await decide(key, false)).toEqual(['find', 'insert', 'insert', 'update', 'commitTransaction'])
  expect(told).toMatchObject([{ audience: 'winter_sport@email_marketing', customer: key, what: 'withdrawn' }])
  const row = await customers.read(key)
  expect(row).toMatchObject({ decisions: { email_marketing: { state: 'withdrawn' } }, memberships: [], behaviourFrom: { email_marketing: now } })
  expect(row?.membershipVersion).toBe(2)
  expect(await decide(key, true)).toEqual(['find', 'insert', 'insert', 'update', 'commitTransaction'])
})
