import type { AuditLog } from '../audit/log.ts'
import { dataSubjectAccess } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import { personOf } from '../operation.ts'
import type { Endings } from './endings.ts'
import type { SessionsDoor } from './sessions-resolver.ts'

export interface SessionsParts {
  readonly endings: Pick<Endings, 'sessionsOf' | 'endSession'>
  readonly audit: Pick<AuditLog, 'note'>
}

/** What the GraphQL fields about sessions call. Outside, a session is called by the hash in its handle, which opens nothing. */
export function sessionsDoor({ endings, audit }: SessionsParts): SessionsDoor {
  return {
    async list(caller, customer) {
      const sessions = await endings.sessionsOf(customer)
      const listed = sessions.map(({ handle, signedInAt, clients, way, grants }) => {
        const current = caller.grant !== null && grants.includes(caller.grant)
        return { id: outwardId(handle), signedInAt, clients, provider: way, current }
      })
      // The browser one sits at, then the latest: sign-ins are known by the second, so two may be of one time.
      return listed.toSorted((a, b) => Number(b.current) - Number(a.current) || b.signedInAt.getTime() - a.signedInAt.getTime())
    },

    async end(caller, id) {
      const customer = personOf(caller)
      if ((caller.purposes & dataSubjectAccess) === 0) throw new EntenteError('FORBIDDEN', { why: 'not the person' })
      const session = (await endings.sessionsOf(customer)).find(({ handle }) => outwardId(handle) === id)
      if (session === undefined) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
      await endings.endSession(customer, session.handle)
      await audit.note({ type: 'session.ended', client: caller.clientId, actor: 'customer', subjects: [customer] })
    },
  }
}

const outwardId = (handle: string): string => handle.slice(handle.indexOf(':') + 1)
