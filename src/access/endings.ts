import type { JobQueue, LeasedJob } from '../jobs/queue.ts'
import { endedSessions } from '../linking/ended-sessions.ts'
import type { CustomerKey } from '../operation.ts'
import type { OpenIdRecord, OpenIdRecords } from '../storage/openid-records.ts'
import { readSession } from './browser-session.ts'
import type { LogoutTokens } from './logout-tokens.ts'
import { readMarks } from './session-marks.ts'

export interface EndingParts {
  readonly records: OpenIdRecords
  readonly grantEnded: (customer: CustomerKey, grant: string) => Promise<void>
  readonly jobs: Pick<JobQueue, 'wake'>
  readonly tellOfLogout: LogoutTokens['put']
}

/** A browser in which the customer is signed in. */
export interface OpenSession {
  readonly handle: string
  readonly signedInAt: Date
  /** Clients that it was used for. */
  readonly clients: readonly string[]
  /** The provider's id, `mail` or `passkey`. */
  readonly way: string | null
  /** `Device.id` of the customer. */
  readonly device: string | null
  /** What its clients' tokens stand on. */
  readonly grants: readonly string[]
}

/** How sign-ins end. What has ended here is dead at the next request everywhere: codes and refresh tokens are gone, access tokens noted. */
export function endings(parts: EndingParts) {
  async function endGrant(customer: CustomerKey, grant: string): Promise<void> {
    await parts.grantEnded(customer, grant)
    await parts.records.remove('Grant', grant)
    await parts.records.removeOfGrant(grant)
  }

  /** Back-Channel Logout 1.0: each client that the session was used for, in its own time. Written before the session goes, so that none is forgotten. */
  async function tellClients(customer: CustomerKey, session: OpenIdRecord): Promise<void> {
    const { authorizations } = readSession(session.payload)
    for (const [client, { sid }] of Object.entries(authorizations)) if (sid !== undefined) await parts.tellOfLogout({ client, customer, sid })
    parts.jobs.wake()
  }

  /** The session goes last: an ending that is interrupted finds it again, and with it what is still to end. */
  async function endUsed(customer: CustomerKey, session: OpenIdRecord): Promise<void> {
    const { grants } = readSession(session.payload)
    await tellClients(customer, session)
    for (const grant of grants) await endGrant(customer, grant)
    const last = await parts.records.removeByHandle(session.handle, customer)
    if (last === null) return
    // Of a shop that it was used for in between.
    const added = readSession(last.payload).grants.filter((grant) => !grants.includes(grant))
    if (added.length > 0) await tellClients(customer, last)
    for (const grant of added) await endGrant(customer, grant)
  }

  return {
    endGrant,

    /** Records only; with it goes `tokensValidFrom` in the customer, which ends the access tokens. */
    async endEverywhere(customer: CustomerKey): Promise<void> {
      const sessions = await parts.records.ofCustomer('Session', customer)
      for (const session of sessions) await tellClients(customer, session)
      await parts.records.removeOfCustomer(customer)
    },

    /** As a job that was put beside `tokensValidFrom`: what began since stays. */
    async endBefore({ payload }: Pick<LeasedJob, 'payload'>): Promise<void> {
      const { customer, before } = endedSessions.parse(payload)
      for (const session of await parts.records.ofCustomer('Session', customer)) if (beganAt(session) < before) await endUsed(customer, session)
    },

    async sessionsOf(customer: CustomerKey): Promise<OpenSession[]> {
      const sessions = await parts.records.ofCustomer('Session', customer)
      return sessions.map(({ handle, payload }) => {
        const { amr, authorizations, grants } = readSession(payload)
        const { way, device } = readMarks(amr)
        return { handle, signedInAt: new Date(beganAt({ payload })), clients: Object.keys(authorizations), way, device, grants }
      })
    },

    /** One browser's session with everything its clients got through it. Does nothing for a handle that is not the customer's. */
    async endSession(customer: CustomerKey, handle: string): Promise<void> {
      const session = (await parts.records.ofCustomer('Session', customer)).find((one) => one.handle === handle)
      if (session !== undefined) await endUsed(customer, session)
    },

    /** What is left of a session that the library has ended: it would spare grants with offline access. */
    async endLeft(customer: CustomerKey, uid: string): Promise<void> {
      const session = await parts.records.read('Session', uid)
      if (session?.customer === customer) await endUsed(customer, session)
    },

    /** What began with one of the customer's ways in. A grant of no session came from a device's own dialog, which is not told from another's: it ends too. */
    async endWay(customer: CustomerKey, way: string): Promise<void> {
      const sessions = (await parts.records.ofCustomer('Session', customer)).map((record) => ({ record, ...readSession(record.payload) }))
      const inSessions = new Set(sessions.flatMap(({ grants }) => grants))
      for (const session of sessions) if (readMarks(session.amr).way === way) await endUsed(customer, session.record)
      for (const grant of await parts.records.grantsOf(customer)) if (!inSessions.has(grant)) await endGrant(customer, grant)
    },

    /** The login that a grant came from: its browser's session, or the grant alone where a device's own dialog did the login. */
    async endLogin(customer: CustomerKey, grant: string): Promise<void> {
      const sessions = await parts.records.ofCustomer('Session', customer)
      const session = sessions.find(({ payload }) => readSession(payload).grants.includes(grant))
      if (session === undefined) await endGrant(customer, grant)
      else await endUsed(customer, session)
    },
  }
}

/** Milliseconds. */
function beganAt({ payload }: Pick<OpenIdRecord, 'payload'>): number {
  const { loginTs, amr } = readSession(payload)
  return readMarks(amr).signedInAt ?? loginTs * 1000
}

export type Endings = ReturnType<typeof endings>
