import { createHash, randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { readClient, type Client } from '../config/clients.ts'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { byOperator, type Caller } from '../operation.ts'
import type { ActingOperator, ClientChangeRow, ClientChangeStore } from '../storage/client-changes.ts'
import type { ClientStore } from '../storage/clients.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import { decideApproval, differenceOf, membersOf, widens, type ChangeableMembers } from './decide-client-change.ts'
import type { Operators } from './operators.ts'

export interface ClientChangeParts {
  readonly db: Connection
  readonly clients: Pick<ClientStore, 'read' | 'replace'>
  readonly clientChanges: ClientChangeStore
  readonly audit: Pick<AuditLog, 'note'>
  readonly operators: Pick<Operators, 'withRole'>
  readonly policy: Policy
  /** Whether the clients file has it, which then is the place to change it. */
  readonly isInFile: (client: string) => boolean
  /** Lets this process know of a change at once; others look every five seconds. */
  readonly refresh: () => Promise<void>
  readonly now: () => Date
}

const proposalLife = 7 * 86_400_000 // ms
const digestOf = (registration: Record<string, unknown>): string => createHash('sha256').update(JSON.stringify(registration)).digest('base64url')

/** Changes of clients in the collection: what narrows holds at once, what widens when a second operator agrees. */
export function clientChanges({ db, clients, clientChanges: changes, audit, operators, policy, isInFile, refresh, now }: ClientChangeParts) {
  function readable(registration: Record<string, unknown>, id: string): Client {
    const read = readClient({ ...registration, id }, policy)
    if ('problems' in read) throw new EntenteError('BAD_USER_INPUT', { problems: read.problems.join('; ') }, { field: 'change' })
    return read.client
  }

  async function registered(tx: Tx, client: string): Promise<Record<string, unknown>> {
    const row = isInFile(client) ? null : await clients.read(tx, client)
    if (row === null) throw new EntenteError('BAD_USER_INPUT', { why: 'not in the collection' }, { field: 'clientId' })
    return row.registration
  }

  async function told(caller: Caller, { _id, client, adds, removes, state }: ClientChangeRow): Promise<void> {
    const type = state === 'applied' ? 'client.change_applied' : 'client.change_proposed'
    await audit.note({ type, client, actor: 'client', detail: { change: _id, adds: adds.length, removes: removes.length, ...byOperator(caller) } })
    if (state === 'applied') await refresh()
  }

  return {
    /** Applied at once, or waiting. BAD_USER_INPUT for a client that is not in the collection, and for what no registration may say. */
    async propose(caller: Caller, client: string, change: Partial<ChangeableMembers>): Promise<ClientChangeRow> {
      const proposedBy = writerOf(caller)
      const [_id, proposedAt] = [randomBytes(16).toString('base64url'), now()]
      const row = await inTransaction(db, `client/${client}`, async (tx) => {
        const registration = await registered(tx, client)
        const changed = { ...registration, ...change }
        const { adds, removes } = differenceOf(membersOf(readable(registration, client), policy), membersOf(readable(changed, client), policy))
        const difference = { adds: [...adds], removes: [...removes] }
        if (adds.length + removes.length === 0) throw new EntenteError('BAD_USER_INPUT', { why: 'nothing changes' }, { field: 'change' })
        const isWider = widens(difference)
        if (!isWider) await clients.replace(tx, client, changed)
        const made: ClientChangeRow = {
          _id,
          client,
          change,
          base: digestOf(registration),
          ...difference,
          state: isWider ? 'proposed' : 'applied',
          proposedBy,
          proposedAt,
          expiresAt: new Date(proposedAt.getTime() + proposalLife),
          ...(!isWider && { appliedAt: proposedAt }),
        }
        await changes.insert(tx, made)
        return made
      })
      await told(caller, row)
      return row
    },

    /** The second pair of eyes. FORBIDDEN for the first; BAD_USER_INPUT for what is unknown, expired, decided, or of another state of the client */
    async approve(caller: Caller, id: string): Promise<ClientChangeRow> {
      const approver = writerOf(caller)
      const at = now()
      const row = await inTransaction(db, `client-change/${id}`, async (tx) => {
        const found = await changes.read(tx, id)
        if (found === null) throw new EntenteError('BAD_USER_INPUT', { why: 'unknown' }, { field: 'id' })
        const { state, expiresAt, base, client, change, proposedBy: proposer } = found
        const registration = await registered(tx, client)
        const writers = operators.withRole('clients:write')
        const facts = { state, isExpired: expiresAt <= at, isSameClient: digestOf(registration) === base, proposer, approver, writers }
        const decision = decideApproval(facts)
        if (decision.do === 'refuse') throw new EntenteError(decision.code, { why: decision.why }, { field: 'id' })
        const changed = { ...registration, ...change }
        readable(changed, client)
        await clients.replace(tx, client, changed)
        if (!(await changes.applied(tx, id, approver, at))) throw new EntenteError('BAD_USER_INPUT', { why: 'decided before' }, { field: 'id' })
        return { ...found, state: 'applied', approvedBy: approver, appliedAt: at } as const
      })
      await told(caller, row)
      return row
    },

    list: (open: boolean, first: number): Promise<ClientChangeRow[]> => (open ? changes.waiting(now(), first) : changes.list(first)),
  }
}

export type ClientChanges = ReturnType<typeof clientChanges>

/** FORBIDDEN for everybody but a person whom the list of operators lets change clients now. */
export function writerOf({ customer, scopes, operator = [] }: Caller): ActingOperator {
  if (customer === null || operator.length === 0 || !scopes.has('clients:write')) throw new EntenteError('FORBIDDEN', { scope: 'clients:write' })
  return { customer, names: [...operator] }
}
