import type { Client } from '../config/clients.ts'
import { isOperatorRole } from '../config/operators.ts'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import type { ClientChangeRow } from '../storage/client-changes.ts'
import { ClientChangeState, type ClientChange, type ClientChangeInput, type ClientChangesDoor } from './client-changes-resolver.ts'
import type { ClientChanges } from './client-changes.ts'
import { changeableLists, membersOf, nothingYet, type ChangeableMembers } from './decide-client-change.ts'

export interface ClientChangesDoorParts {
  readonly changes: ClientChanges
  readonly clients: () => readonly Client[]
  readonly isInFile: (client: string) => boolean
  readonly policy: Policy
  readonly now: () => Date
}

const longestPage = 200

/** What the GraphQL fields about clients and their changes call. */
export function clientChangesDoor({ changes, clients, isInFile, policy, now }: ClientChangesDoorParts): ClientChangesDoor {
  const shown = (caller: Caller, row: ClientChangeRow, secret: string | null = null): ClientChange => {
    const isExpired = row.state === 'proposed' && row.expiresAt <= now()
    const { customer, names } = row.proposedBy
    const isOwn = customer === caller.customer || names.some((name) => caller.operator?.includes(name))
    return {
      id: row._id,
      clientId: row.client,
      adds: row.adds,
      removes: row.removes,
      state: isExpired ? ClientChangeState.EXPIRED : row.state === 'applied' ? ClientChangeState.APPLIED : ClientChangeState.PROPOSED,
      proposedBy: names,
      proposedAt: row.proposedAt,
      expiresAt: row.expiresAt,
      approvedBy: row.approvedBy?.names ?? [],
      appliedAt: row.appliedAt ?? null,
      approvable: row.state === 'proposed' && !isExpired && !isOwn && caller.customer !== null && caller.scopes.has('clients:write'),
      secret,
    }
  }
  return {
    roles: (caller) => [...caller.scopes].filter(isOperatorRole),
    clients(caller) {
      requireReader(caller)
      return clients().map((client) => ({ ...membersOf(client, policy), id: client.id, changeable: !isInFile(client.id) }))
    },
    async list(caller, open, first) {
      requireReader(caller)
      if (first < 1 || first > longestPage) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'first' })
      return (await changes.list(open, first)).map((row) => shown(caller, row))
    },
    propose: async (caller, clientId, change) => shown(caller, await changes.propose(caller, clientId, givenIn(change))),
    create: async (caller, input) => shown(caller, await changes.create(caller, input.id, input.kind, { ...nothingYet, ...givenIn(input) })),
    async approve(caller, id) {
      const approved = await changes.approve(caller, id)
      return shown(caller, approved, approved.secret)
    },
  }
}

function requireReader({ scopes }: Caller): void {
  if (!scopes.has('audit:read') && !scopes.has('clients:write')) throw new EntenteError('FORBIDDEN', { scope: 'audit:read' })
}

/** A list that is absent or null stays as it is. */
function givenIn(input: ClientChangeInput): Partial<ChangeableMembers> {
  const lists = changeableLists.flatMap((member) => (input[member] == null ? [] : [[member, input[member]] as const]))
  return { ...Object.fromEntries(lists), ...(input.name != null && { name: input.name }) }
}
