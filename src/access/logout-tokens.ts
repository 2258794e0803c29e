import type { Provider } from 'oidc-provider'
import { z } from 'zod'
import type { JobQueue, LeasedJob } from '../jobs/queue.ts'
import type { CustomerKey } from '../operation.ts'

export interface LogoutTokenParts {
  readonly jobs: Pick<JobQueue, 'put'>
  readonly provider: () => Provider
  readonly clientNotTold: (client: string) => void
}

/** A client's part of a session that ended. */
const ended = z.strictObject({ client: z.string(), customer: z.string(), sid: z.string() })
type Ended = z.infer<typeof ended>

/**
 * Back-Channel Logout 1.0 as jobs, one for each client and session: a client that does not answer is asked again, and keeps nobody waiting.
 * The logout token is made and signed when it is sent, since it lives for two minutes.
 */
export function logoutTokens({ jobs, provider, clientNotTold }: LogoutTokenParts) {
  /** The library's own call; its types do not know it. */
  let send: unknown

  async function put({ client, customer, sid }: Ended): Promise<void> {
    const found = await provider().Client.find(client)
    if (found?.backchannelLogoutUri === undefined) return
    await jobs.put({ kind: 'logoutToken', id: `${client}/${sid}`, payload: { client, customer, sid }, customer })
  }

  return {
    put,

    /** Sign-outs at the library's own logout page take the same road. */
    takeOver(library: Provider): void {
      const { prototype } = library.Client
      send = Reflect.get(prototype, 'backchannelLogout')
      Object.defineProperty(prototype, 'backchannelLogout', {
        value(this: { readonly clientId: string }, customer: CustomerKey, sid: string) {
          return put({ client: this.clientId, customer, sid })
        },
      })
    },

    deliver: async ({ payload }: Pick<LeasedJob, 'payload'>): Promise<void> => {
      const { client: id, customer, sid } = ended.parse(payload)
      const client = await provider().Client.find(id)
      if (client?.backchannelLogoutUri === undefined || typeof send !== 'function') return
      try {
        await Reflect.apply(send, client, [customer, sid])
      } catch (error) {
        clientNotTold(id)
        throw error
      }
    },
  }
}

export type LogoutTokens = ReturnType<typeof logoutTokens>
