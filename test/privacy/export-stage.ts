import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { subjects } from '../../src/access/subjects.ts'
import { auditLog } from '../../src/audit/log.ts'
import { readConfig } from '../../src/config/env.ts'
import { dataSubjectAccess } from '../../src/config/policy.ts'
import type { LongJobHandler } from '../../src/jobs/worker.ts'
import type { LeasedJob } from '../../src/jobs/queue.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import { post } from '../../src/mail/post.ts'
import type { Caller } from '../../src/operation.ts'
import { exportIndex } from '../../src/pages/export-index.ts'
import { exportDoor } from '../../src/privacy/export-door.ts'
import { exportWork } from '../../src/privacy/export-work.ts'
import type { CustomerRow } from '../../src/storage/customers.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { openStorage } from '../../src/wiring/storage.ts'
import { demoPolicy, schemaOfDemo } from '../support/house.ts'

/** What asks for archives, makes them and gives them out, on a real database; its clock is moved by the test. */
export async function openExportStage() {
  await using stack = new AsyncDisposableStack()
  const name = `x${randomBytes(6).toString('hex')}`
  const config = readConfig({
    MONGODB_URI: inject('mongodbUri').replace(/\/(\?|$)/, `/${name}$1`),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `${name}:`,
    ENTENTE_SECRET: 'a secret for tests only, long enough to pass',
  })
  const storage = await openStorage(stack, config, {})
  stack.defer(() => storage.db.dropDatabase())
  const { db, rows, jobs } = storage
  const audit = stack.adopt(auditLog(rows.events), (one) => one.close())
  const clock = { now: Date.now() }
  const parts = { ...rows, db, jobs, audit, keep: demoPolicy.export.keep, now: () => clock.now }
  const letters = post({ jobs, house: { name: 'House', publicUrl: config.publicUrl }, providerName: (id) => id, available: true })
  const door = exportDoor({ ...parts, requireStepUp: async ({ customer }) => customer ?? '', publicUrl: config.publicUrl })
  const work = exportWork({
    ...parts,
    policy: demoPolicy,
    classification: schemaOfDemo.classification,
    clients: () => [{ id: 'storefront', name: '=Shop & <Co>', purposes: demoPolicy.maskOf(['order_processing']), sector: 'storefront' }],
    sessionsOf: async () => [],
    subjects: subjects(randomBytes(32)),
    index: exportIndex,
    post: letters,
  })

  const job = (id: string, attempts = 1): LeasedJob => ({ id: `export:${id}`, kind: 'export', attempts, payload: { id }, customer: null })
  const callerOf = (customer: string): Caller => ({
    clientId: 'account',
    sector: 'account',
    customer,
    purposes: dataSubjectAccess,
    scopes: new Set(),
    issuedAt: clock.now,
    authTime: clock.now,
    grant: 'grant',
  })
  const running = stack.move()
  return {
    ...storage,
    audit,
    clock,
    door,
    work,
    callerOf,
    /** One run at an archive. */
    run: (id: string, attempts = 1, goOn: Parameters<LongJobHandler>[2] = async () => {}) => work(job(id, attempts), new AbortController().signal, goOn),
    async addCustomer(values: Partial<CustomerRow> = {}): Promise<string> {
      const key = randomBytes(16).toString('base64url')
      await inTransaction(db, key, (tx) => rows.customers.insert(tx, { ...newCustomer(key, new Date(clock.now)), ...values }))
      return key
    },
    /** The bytes that the person gets. */
    async fetched(customer: string, id: string): Promise<Buffer | null> {
      const opened = await door.fetch(callerOf(customer), id)
      if (opened === null) return null
      const parts: Buffer[] = []
      for await (const part of opened.bytes) parts.push(part)
      return Buffer.concat(parts)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type ExportStage = Awaited<ReturnType<typeof openExportStage>>
