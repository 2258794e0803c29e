import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inject } from 'vitest'
import { subjects } from '../../src/access/subjects.ts'
import { auditLog } from '../../src/audit/log.ts'
import { readPolicy, type Policy } from '../../src/config/policy.ts'
import { searchable } from '../../src/consent/decisions.ts'
import { views } from '../../src/consent/view.ts'
import { customerDoor } from '../../src/customers/door.ts'
import { fieldsByPath } from '../../src/customers/paths.ts'
import { updateProfile } from '../../src/customers/update-profile.ts'
import { EntenteError } from '../../src/errors.ts'
import { readAudit } from '../../src/graphql/audit-read.ts'
import type { ResolverParts } from '../../src/graphql/operation-context.ts'
import { buildEntenteSchema } from '../../src/graphql/schema.ts'
import { graphqlServer } from '../../src/graphql/server.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import type { Caller } from '../../src/operation.ts'
import { derivedReader } from '../../src/personalization/read-derived.ts'
import { auditStore } from '../../src/storage/audit-log.ts'
import { customerStore, type CustomerRow } from '../../src/storage/customers.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { inTransaction } from '../../src/storage/transaction.ts'

const policyFile = new URL('../../demo/policy.yaml', import.meta.url)
export const demoPolicy = readPolicy(readFileSync(policyFile, 'utf8'), 'demo/policy.yaml')
export const schemaOfDemo = buildEntenteSchema(demoPolicy)

/** The GraphQL server on a real database, with tokens that name their caller; no logins. */
export async function openHouse(policy: Policy = demoPolicy) {
  const { schema, classification } = policy === demoPolicy ? schemaOfDemo : buildEntenteSchema(policy)
  const name = `h${randomBytes(6).toString('hex')}`
  const db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/${name}$1`))
  const store = customerStore(db)
  const events = auditStore(db)
  await prepareCollections(db)
  const audit = auditLog(events)
  const callers = new Map<string, Caller>()
  const defects: unknown[] = []
  const ids = subjects(randomBytes(32))
  const report = (error: unknown) => `defect-${defects.push(error)}`
  const absent = () => Promise.reject(new EntenteError('FORBIDDEN', { why: 'not in this house' }))
  const customers = customerDoor({
    store,
    policy,
    classification,
    viewOf: views({ policy, hashFor: (client, value) => `${client} ${value.length}`, readDerived: derivedReader(policy), now: Date.now }),
    subjects: ids,
    client: (id) => ({ id, sector: id, purposes: policy.maskOf(policy.purposes.filter((one) => one.clients.has(id)).map((one) => one.id)) }),
    cursorKey: randomBytes(32),
    now: Date.now,
  })
  const writing = { db, customers: store, audit, policy, fields: fieldsByPath(classification), takeBackForAge: () => Promise.resolve() }
  const resolvers: ResolverParts = {
    customers: { ...customers, updateProfile: (caller, input) => updateProfile(writing, caller, input, new Date()) },
    login: { providers: () => Promise.resolve([]), start: absent, complete: absent, withIdToken: absent, refresh: absent, logout: absent },
    sessions: { list: absent, end: absent, devices: absent, alert: absent, forget: absent },
    factors: {
      list: absent,
      startPasskey: absent,
      addPasskey: absent,
      startTotp: absent,
      confirmTotp: absent,
      newRecoveryCodes: absent,
      remove: absent,
    },
    stepUp: { start: absent, sendCode: absent, complete: absent },
    linking: { start: absent, unlink: absent },
    merges: { merge: absent, undo: absent, of: absent },
    events: { record: absent },
    audiences: { page: absent },
    consents: { purposes: () => [], decide: absent, signals: absent, importTcf: absent },
    privacy: { restrict: absent },
    exports: { request: absent, of: absent },
    erasures: { erase: absent, cancel: absent, receipt: absent, waitingFor: absent },
    requests: { list: absent, open: absent, close: absent },
    alerts: { list: absent, acknowledge: absent },
    loginFunnel: absent,
    segments: { title: (id) => id, explain: absent, tryRule: absent },
    enrichment: { next: absent, dismiss: absent, switchInterest: absent, sources: absent, interestsOff: absent },
    clientChanges: { roles: () => [], clients: () => [], list: absent, propose: absent, create: absent, approve: absent },
    lookUp: { lookUp: absent, held: absent },
    audit: { events: absent, accessLog: () => Promise.resolve({ edges: [], pageInfo: { hasNextPage: false, endCursor: null } }) },
  }
  const server = await graphqlServer({
    schema,
    classification,
    policy,
    callerOf: async (token) => {
      if (token === undefined) return null
      const caller = callers.get(token)
      if (!caller) throw new EntenteError('UNAUTHENTICATED')
      return caller
    },
    mayReadSchema: (caller) => caller.scopes.has('audit:read'),
    heedGpc: () => Promise.resolve(),
    rates: { admit: () => {}, admitLogin: () => Promise.resolve() },
    audit: readAudit({ note: (event) => audit.note(event), policy, report: (error) => void report(error), now: Date.now }),
    count: () => {},
    resolvers,
    report,
  })

  async function http(request: { method?: string; headers?: Record<string, string>; search?: string; body?: unknown }) {
    const headers = { 'content-type': 'application/json', ...request.headers }
    const answer = await server.handle({ method: request.method ?? 'POST', headers, search: request.search ?? '', body: request.body, ip: '127.0.0.1' })
    const body = answer.body.toString()
    // Tests read answers of many shapes.
    // oxlint-disable-next-line no-explicit-any
    return { ...answer, body, json: JSON.parse(body) as any }
  }

  return {
    db,
    store,
    ids,
    defects,
    events,
    server,
    http,
    /** Sends a query; `token` is one that `tokenFor` gave. */
    ask: async (query: string, options: { token?: string; variables?: Record<string, unknown>; operationName?: string } = {}) => {
      const { token, ...rest } = options
      const answer = await http({ headers: token === undefined ? {} : { authorization: token }, body: { query, ...rest } })
      return { ...answer.json, status: answer.status, headers: answer.headers, text: answer.body }
    },
    tokenFor: (clientId: string, purposes: readonly string[], customer: string | null = null, more: Partial<Caller> = {}): string => {
      const token = randomBytes(8).toString('hex')
      const mask = policy.maskOf([...purposes, 'consent_record'])
      callers.set(token, {
        clientId,
        sector: clientId,
        customer,
        purposes: mask,
        scopes: new Set(),
        issuedAt: Date.now(),
        authTime: null,
        grant: null,
        ...more,
      })
      return token
    },
    /** A customer with these values; `granted` names purposes. */
    addCustomer: async (values: Partial<CustomerRow> & { granted?: readonly string[]; refused?: readonly string[] } = {}): Promise<string> => {
      const { granted = [], refused = [], ...rest } = values
      const decision = (state: 'granted' | 'withdrawn') => (id: string) =>
        [id, { state, textVersion: policy.purpose(id)?.textVersion ?? '', at: new Date() }] as const
      const decisions = Object.fromEntries([...granted.map(decision('granted')), ...refused.map(decision('withdrawn'))])
      const key = randomBytes(16).toString('base64url')
      const row: CustomerRow = { ...newCustomer(key, new Date()), decisions, ...searchable(decisions), ...rest }
      await inTransaction(db, key, (tx) => store.insert(tx, row))
      return key
    },
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await audit.close()
      await db.dropDatabase()
      await db.close()
    },
  }
}
