import { Agent, fetch as send } from 'undici'
import { guardedConnector } from './guarded-connector.ts'
import { isLoopbackHost } from './public-address.ts'

/** Posts to an address that somebody registered. */
export interface GuardedPost extends AsyncDisposable {
  /**
   * The status of the answer; what it says is not read and redirects are not followed. Throws when there is none, or when the address is
   * not public https: plain http only on this machine, where that is allowed.
   */
  readonly post: (url: string, message: { readonly type: string; readonly body: string }, signal: AbortSignal) => Promise<number>
}

const deadline = 5_000 // milliseconds, connecting included

/** `allowLoopback` is for houses that stand on this machine themselves. */
export function guardedPost(allowLoopback: boolean): GuardedPost {
  const agent = new Agent({ connect: guardedConnector(allowLoopback) })
  const isAllowed = (url: string): boolean => {
    const parsed = URL.parse(url)
    return parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && allowLoopback && isLoopbackHost(parsed.hostname))
  }
  return {
    async post(url, { type, body }, signal) {
      if (!isAllowed(url)) throw new Error('address not allowed')
      const headers = { 'content-type': type, 'user-agent': 'Entente' }
      const limit = AbortSignal.any([signal, AbortSignal.timeout(deadline)])
      const answer = await send(url, { method: 'POST', headers, body, redirect: 'manual', dispatcher: agent, signal: limit })
      await answer.body?.cancel()
      return answer.status
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}
