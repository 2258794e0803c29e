import type { Provider } from 'oidc-provider'
import { z } from 'zod'
import type { CustomerKey } from '../operation.ts'
import type { OpenIdRecord, OpenIdRecords } from '../storage/openid-records.ts'

export interface EndingParts {
  readonly records: OpenIdRecords
  readonly grantEnded: (customer: CustomerKey, grant: string) => Promise<void>
  readonly provider: () => Provider
  readonly clientNotTold: (client: string) => void
}

/** A browser in which the customer is signed in. */
export interface OpenSession {
  readonly handle: string
  readonly signedInAt: Date
  /** Clients that it was used for. */
  readonly clients: readonly string[]
  readonly provider: string | null
  /** What its clients' tokens stand on. */
  readonly grants: readonly string[]
}

const storedSession = z.object({
  loginTs: z.number().default(0),
  amr: z.array(z.string()).default([]),
  authorizations: z.record(z.string(), z.object({ sid: z.string().optional(), grantId: z.string().optional() })).default({}),
})

/** How sign-ins end. What has ended here is dead at the next request everywhere: codes and refresh tokens are gone, access tokens noted. */
export function endings(parts: EndingParts) {
  async function endGrant(customer: CustomerKey, grant: string): Promise<void> {
    await parts.grantEnded(customer, grant)
    await parts.records.remove('Grant', grant)
    await parts.records.removeOfGrant(grant)
  }

  /** Back-Channel Logout 1.0, to each client that the session was used for; one that does not answer stops nobody. */
  async function tellClients(customer: CustomerKey, session: OpenIdRecord): Promise<void> {
    const { authorizations } = storedSession.parse(session.payload)
    await Promise.all(
      Object.entries(authorizations).map(async ([id, { sid }]) => {
        const client = await parts.provider().Client.find(id)
        // The library has the call, its types have not.
        const tell: unknown = client?.['backchannelLogout']
        if (client?.backchannelLogoutUri === undefined || typeof tell !== 'function') return
        await Promise.resolve(Reflect.apply(tell, client, [customer, sid])).catch(() => parts.clientNotTold(id))
      }),
    )
  }

  async function endWhole(customer: CustomerKey, session: OpenIdRecord): Promise<void> {
    await parts.records.removeByHandle(session.handle, customer)
    for (const grant of grantsOf(session.payload)) await endGrant(customer, grant)
    await tellClients(customer, session)
  }

  return {
    endGrant,

    /** Records only; with it goes `tokensValidFrom` in the customer, which ends the access tokens. */
    async endEverywhere(customer: CustomerKey): Promise<void> {
      const sessions = await parts.records.ofCustomer('Session', customer)
      await parts.records.removeOfCustomer(customer)
      await Promise.all(sessions.map((session) => tellClients(customer, session)))
    },

    async sessionsOf(customer: CustomerKey): Promise<OpenSession[]> {
      const sessions = await parts.records.ofCustomer('Session', customer)
      return sessions.map(({ handle, payload }) => {
        const { loginTs, amr, authorizations } = storedSession.parse(payload)
        return { handle, signedInAt: new Date(loginTs * 1000), clients: Object.keys(authorizations), provider: amr[0] ?? null, grants: grantsOf(payload) }
      })
    },

    /** One browser's session with everything its clients got through it. Does nothing for a handle that is not the customer's. */
    async endSession(customer: CustomerKey, handle: string): Promise<void> {
      const session = (await parts.records.ofCustomer('Session', customer)).find((one) => one.handle === handle)
      if (session !== undefined) await endWhole(customer, session)
    },

    /** The login that a grant came from: its browser's session, or the grant alone where a device's own dialog did the login. */
    async endLogin(customer: CustomerKey, grant: string): Promise<void> {
      const sessions = await parts.records.ofCustomer('Session', customer)
      const session = sessions.find(({ payload }) => grantsOf(payload).includes(grant))
      if (session === undefined) await endGrant(customer, grant)
      else await endWhole(customer, session)
    },
  }
}

const grantsOf = (payload: OpenIdRecord['payload']): string[] =>
  Object.values(storedSession.parse(payload).authorizations).flatMap(({ grantId }) => (grantId === undefined ? [] : [grantId]))

export type Endings = ReturnType<typeof endings>
