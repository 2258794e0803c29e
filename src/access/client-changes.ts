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
import { decideApproval, differenceOf, membersOf, nothingYet, widens, type ChangeableMembers } from './decide-client-change.ts'
import { clientKinds, newSecret, withSecret, type ClientKindName } from './new-client.ts'
import type { Operators } from './operators.ts'

export interface ClientChangeParts {
  readonly db: Connection
  readonly clients: Pick<ClientStore, 'read' | 'insert' | 'replace'>
  readonly clientChanges: ClientChangeStore
  readonly audit: Pick<AuditLog, 'note'>
  readonly operators: Pick<Operators, 'withRole'>
  readonly policy: Policy
  /** Whether the clients file has it, which then is the place to change it. */
  readonly isInFile: (client: string) => boolean
  /** Whether a client, or a house of clients, is called so. */
  readonly isTaken: (client: string) => boolean
  /** Lets this process know of a change at once; others look every five seconds. */
  readonly refresh: () => Promise<void>
  readonly now: () => Date
}

const proposalLife = 7 * 86_400_000 // ms
const digestOf = (registration: Record<string, unknown>): string => createHash('sha256').update(JSON.stringify(registration)).digest('base64url')

/** A client that was made, and the only time that its secret is told. */
type Approved = ClientChangeRow & { readonly secret: string | null }

/** Changes of clients in the collection: what narrows holds at once, what widens, or makes a client, when a second operator agrees. */
export function clientChanges({ db, clients, clientChanges: changes, audit, operators, policy, isInFile, isTaken, refresh, now }: ClientChangeParts) {
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

  /** What is there of a client that is to come: nothing, or it would be another one's. */
  async function free(tx: Tx, client: string): Promise<Record<string, unknown>> {
    if (isTaken(client) || (await clients.read(tx, client)) !== null) throw new EntenteError('BAD_USER_INPUT', { why: 'taken' }, { field: 'id' })
    return {}
  }

  const waiting = (client: string, proposedBy: ActingOperator) => {
    const proposedAt = now()
    const expiresAt = new Date(proposedAt.getTime() + proposalLife)
    return { _id: randomBytes(16).toString('base64url'), client, state: 'proposed', proposedBy, proposedAt, expiresAt } as const
  }

  async function told(caller: Caller, { _id, client, adds, removes, state }: ClientChangeRow): Promise<void> {
    const type = state === 'applied' ? 'client.change_applied' : 'client.change_proposed'
    await audit.note({ type, client, actor: 'client', detail: { change: _id, adds: adds.length, removes: removes.length, ...byOperator(caller) } })
    if (state === 'applied') await refresh()
  }

  return {
    /** Applied at once, or waiting. BAD_USER_INPUT for a client that is not in the collection, and for what no registration may say. */
    async propose(caller: Caller, client: string, change: Partial<ChangeableMembers>): Promise<ClientChangeRow> {
      const proposal = waiting(client, writerOf(caller))
      const row = await inTransaction(db, `client/${client}`, async (tx) => {
        const registration = await registered(tx, client)
        const changed = { ...registration, ...change }
        const { adds, removes } = differenceOf(membersOf(readable(registration, client), policy), membersOf(readable(changed, client), policy))
        const difference = { adds: [...adds], removes: [...removes] }
        if (adds.length + removes.length === 0) throw new EntenteError('BAD_USER_INPUT', { why: 'nothing changes' }, { field: 'change' })
        const isWider = widens(difference)
        if (!isWider) await clients.replace(tx, client, changed)
        const made: ClientChangeRow = {
          ...proposal,
          change,
          base: digestOf(registration),
          ...difference,
          state: isWider ? 'proposed' : 'applied',
          ...(!isWider && { appliedAt: proposal.proposedAt }),
        }
        await changes.insert(tx, made)
        return made
      })
      await told(caller, row)
      return row
    },

    /** A client that is not there is given all that it gets, so it waits as a whole. BAD_USER_INPUT */
    async create(caller: Caller, client: string, kind: ClientKindName, members: ChangeableMembers): Promise<ClientChangeRow> {
      const proposal = waiting(client, writerOf(caller))
      const change = { ...clientKinds[kind], ...members }
      const { adds } = differenceOf(nothingYet, membersOf(readable(withSecret(change, newSecret()), client), policy))
      const row: ClientChangeRow = { ...proposal, change, base: '', adds: [`kind: ${kind}`, ...adds], removes: [] }
      await inTransaction(db, `client/${client}`, async (tx) => {
        await free(tx, client)
        await changes.insert(tx, row)
      })
      await told(caller, row)
      return row
    },

    /** The second pair of eyes. FORBIDDEN for the first; BAD_USER_INPUT for what is unknown, expired, decided, or of another state of the client */
    async approve(caller: Caller, id: string): Promise<Approved> {
      const approver = writerOf(caller)
      const [at, secret] = [now(), newSecret()]
      const row = await inTransaction(db, `client-change/${id}`, async (tx) => {
        const found = await changes.read(tx, id)
        if (found === null) throw new EntenteError('BAD_USER_INPUT', { why: 'unknown' }, { field: 'id' })
        const { state, expiresAt, base, client, change, proposedBy: proposer } = found
        const isNew = base === ''
        const registration = await (isNew ? free : registered)(tx, client)
        const writers = operators.withRole('clients:write')
        const facts = { state, isExpired: expiresAt <= at, isSameClient: isNew || digestOf(registration) === base, proposer, approver, writers }
        const decision = decideApproval(facts)
        if (decision.do === 'refuse') throw new EntenteError(decision.code, { why: decision.why }, { field: 'id' })
        const changed = isNew ? withSecret(change, secret) : { ...registration, ...change }
        readable(changed, client)
        await clients[isNew ? 'insert' : 'replace'](tx, client, changed)
        if (!(await changes.applied(tx, id, approver, at))) throw new EntenteError('BAD_USER_INPUT', { why: 'decided before' }, { field: 'id' })
        const given = isNew && changed['secret'] === secret ? secret : null
        return { ...found, state: 'applied', approvedBy: approver, appliedAt: at, secret: given } as const
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
