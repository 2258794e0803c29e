import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface Tokens {
  readonly access: string
  readonly id: string
  /** `Customer.id` as this shop knows it. */
  readonly subject: string
  readonly until: number
}

/** What the shop remembers of one browser. */
export interface Session {
  /** The login under way: `state`, PKCE verifier and what it is for. */
  login?: { readonly state: string; readonly verifier: string; readonly scope: string }
  tokens?: Tokens
}

const atMost = 5_000

/** Sessions in memory, by a random cookie; the oldest go when there are too many. Shops on one host differ by the cookie's name only. */
export function sessionStore(shop: string) {
  const name = `${shop}-session`
  const sessions = new Map<string, Session>()

  function idOf(request: IncomingMessage): string | undefined {
    const cookies = (request.headers.cookie ?? '').split('; ').map((pair) => pair.split('='))
    return cookies.find(([key]) => key === name)?.[1]
  }

  return {
    of: (request: IncomingMessage): Session => sessions.get(idOf(request) ?? '') ?? {},
    /** Starts over under a new id: a session that was there before the login is not the one after it. */
    replace(request: IncomingMessage, session: Session): string {
      sessions.delete(idOf(request) ?? '')
      const id = randomBytes(24).toString('base64url')
      sessions.set(id, session)
      const [oldest] = sessions.keys()
      if (sessions.size > atMost && oldest !== undefined) sessions.delete(oldest)
      return `${name}=${id}; Path=/; HttpOnly; SameSite=Lax`
    },
  }
}

export type SessionStore = ReturnType<typeof sessionStore>
