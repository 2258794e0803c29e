import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { dataSubjectAccess } from '../config/policy.ts'
import { tokenLives } from '../consent/live-token.ts'
import { EntenteError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Caller, CustomerKey } from '../operation.ts'
import type { CustomerRow, CustomerStore } from '../storage/customers.ts'
import type { ExportRow, ExportStore, ReadyExport } from '../storage/exports.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import type { DataExport, ExportsDoor } from './export-resolver.ts'
import { isReady, isVoid, stateOf } from './export-state.ts'

export interface ExportDoorParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'update'>
  readonly exports: Pick<ExportStore, 'insert' | 'read' | 'ofCustomer' | 'chunk'>
  readonly jobs: Pick<JobQueue, 'put' | 'wake'>
  readonly audit: Pick<AuditLog, 'note' | 'inCustomerChain'>
  /** STEP_UP_REQUIRED unless the person has proved who they are, for this, just now. FORBIDDEN outside the account centre. */
  readonly requireStepUp: (caller: Caller, action: 'requestExport') => Promise<CustomerKey>
  readonly publicUrl: string
  /** Milliseconds that an archive can be fetched. */
  readonly keep: number
  readonly now: () => number
}

/** An archive on its way to the person. */
export interface OpenedExport {
  readonly requestedAt: Date
  readonly size: number
  readonly bytes: AsyncIterable<Buffer>
}

export interface ExportDoor extends ExportsDoor {
  /** Null for whatever is not this person's to fetch now: unknown, another's, void or not ready are alike. */
  fetch(caller: Caller, id: string): Promise<OpenedExport | null>
}

/** The list of a person's archives goes so much later than the last of them, milliseconds. */
const rememberedFor = 30 * 86_400_000

/** What the fields and the page about exports call. */
export function exportDoor(parts: ExportDoorParts): ExportDoor {
  const { customers, exports, now } = parts

  function outward(row: ExportRow, person: CustomerRow): DataExport {
    const state = stateOf(row, person, now())
    const { _id: id, requestedAt, readyAt = null, expiresAt, size = null } = row
    const url = state === 'READY' ? `${parts.publicUrl}/account/export/${id}` : null
    return { id, state, requestedAt, readyAt, expiresAt, size: size !== null && size < 2 ** 31 ? size : null, url }
  }

  async function asked(tx: Tx, caller: Caller, customer: CustomerKey, id: string): Promise<DataExport> {
    const person = await customers.read(customer, tx)
    if (person === null || !tokenLives(person, caller)) throw new EntenteError('UNAUTHENTICATED', { why: 'token no longer counts' })
    const at = new Date(now())
    const running = (await exports.ofCustomer(customer, tx)).find((one) => stateOf(one, person, at.getTime()) === 'PENDING')
    if (running) return outward(running, person)
    const expiresAt = new Date(at.getTime() + parts.keep)
    const forgottenAt = new Date(expiresAt.getTime() + rememberedFor)
    await exports.insert(tx, { _id: id, customer, client: caller.clientId, requestedAt: at, expiresAt, forgottenAt })
    await parts.jobs.put({ kind: 'export', id, payload: { id }, customer }, tx)
    const event = { type: 'export.requested', client: caller.clientId, actor: 'customer' } as const
    // Two at once meet at this row: the second one sees the first.
    await customers.update(tx, customer, { $set: { audit: await parts.audit.inCustomerChain(tx, customer, person.audit, event, at) } })
    return { id, state: 'PENDING', requestedAt: at, readyAt: null, expiresAt, size: null, url: null }
  }

  return {
    async request(caller) {
      const customer = await parts.requireStepUp(caller, 'requestExport')
      const id = randomBytes(16).toString('base64url')
      const made = await inTransaction(parts.db, customer, (tx) => asked(tx, caller, customer, id))
      parts.jobs.wake()
      return made
    },

    async of(customer) {
      const person = await customers.read(customer)
      return person === null ? [] : (await exports.ofCustomer(customer)).map((row) => outward(row, person))
    },

    async fetch(caller, id) {
      const { customer } = caller
      if (customer === null || (caller.purposes & dataSubjectAccess) === 0) return null
      const [row, person] = await Promise.all([exports.read(id), customers.read(customer)])
      if (row === null || person === null || row.customer !== customer || !tokenLives(person, caller)) return null
      if (!isReady(row) || isVoid(row, person, now())) return null
      await parts.audit.note({ type: 'export.downloaded', client: caller.clientId, actor: 'customer', subjects: [customer] })
      return { requestedAt: row.requestedAt, size: row.size, bytes: chunksOf(exports, row) }
    },
  }
}

async function* chunksOf(exports: Pick<ExportStore, 'chunk'>, row: ReadyExport): AsyncGenerator<Buffer> {
  for (let n = 0; n < row.chunks; n++) yield await exports.chunk(row, n)
}
