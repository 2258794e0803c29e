import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import { dataSubjectAccess } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerStore, Device as DeviceRow } from '../storage/customers.ts'
import { inTransaction } from '../storage/transaction.ts'
import type { Endings, OpenSession } from './endings.ts'
import type { Device, SessionsDoor } from './sessions-resolver.ts'

export interface SessionsParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read' | 'readMany' | 'update'>
  readonly endings: Pick<Endings, 'sessionsOf' | 'endSession'>
  readonly audit: Pick<AuditLog, 'note' | 'inCustomerChain'>
  readonly client: (id: string) => { readonly name: string } | undefined
  readonly isProvider: (way: string) => boolean
}

/** What the GraphQL fields about sessions and devices call. Outside, a session is called by the hash in its handle, which opens nothing. */
export function sessionsDoor(parts: SessionsParts): SessionsDoor {
  const { db, customers, endings, audit } = parts

  async function devicesOf(caller: Caller, customer: CustomerKey, open: readonly OpenSession[]): Promise<Device[]> {
    const [row] = await customers.readMany([customer], { devices: 1 })
    const here = open.find((session) => isCurrent(caller, session))?.device ?? null
    return (row?.devices ?? []).map((device) => outward(device, here))
  }

  return {
    async list(caller, customer) {
      const open = await endings.sessionsOf(customer)
      const devices = new Map((await devicesOf(caller, customer, open)).map((device) => [device.id, device]))
      const listed = open.map((session) => ({
        id: outwardId(session.handle),
        signedInAt: session.signedInAt,
        clients: session.clients,
        clientNames: session.clients.map((id) => parts.client(id)?.name ?? id),
        provider: session.way !== null && parts.isProvider(session.way) ? session.way : null,
        way: session.way,
        device: devices.get(session.device ?? '') ?? null,
        current: isCurrent(caller, session),
      }))
      return listed.toSorted((a, b) => Number(b.current) - Number(a.current) || b.signedInAt.getTime() - a.signedInAt.getTime())
    },

    async end(caller, id) {
      const customer = personAlone(caller)
      const session = (await endings.sessionsOf(customer)).find(({ handle }) => outwardId(handle) === id)
      if (session === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
      await endings.endSession(customer, session.handle)
      await audit.note({ type: 'session.ended', client: caller.clientId, actor: 'customer', subjects: [customer] })
    },

    async devices(caller, customer) {
      const devices = await devicesOf(caller, customer, await endings.sessionsOf(customer))
      return devices.toSorted((a, b) => Number(b.current) - Number(a.current) || b.lastAt.getTime() - a.lastAt.getTime())
    },

    async alert(customer) {
      const [row] = await customers.readMany([customer], { alert: 1 })
      return row?.alert ?? null
    },

    async forget(caller, id) {
      const customer = personAlone(caller)
      const at = new Date()
      await inTransaction(db, customer, async (tx) => {
        const row = await customers.read(customer, tx)
        if (row === null || row.state !== 'active') throw new EntenteError('UNAUTHENTICATED')
        const rest = (row.devices ?? []).filter((device) => device.id !== id)
        if (rest.length === (row.devices ?? []).length) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
        const event = { type: 'device.forgotten', client: caller.clientId, actor: 'customer' } as const
        await customers.update(tx, customer, { $set: { devices: rest, audit: await audit.inCustomerChain(tx, customer, row.audit, event, at) } })
      })
      for (const session of await endings.sessionsOf(customer)) if (session.device === id) await endings.endSession(customer, session.handle)
    },
  }
}

function personAlone(caller: Caller): CustomerKey {
  const customer = personOf(caller)
  if ((caller.purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the person' })
  return customer
}

const isCurrent = ({ grant }: Caller, { grants }: OpenSession): boolean => grant !== null && grants.includes(grant)
const outwardId = (handle: string): string => handle.slice(handle.indexOf(':') + 1)
const outward = ({ id, agent, place, firstAt, lastAt }: DeviceRow, here: string | null): Device => ({
  id,
  agent,
  place: place ?? null,
  firstAt,
  lastAt,
  current: id === here,
})
