import { createHash, randomBytes } from 'node:crypto'
import { randomNonce, randomPKCECodeVerifier, randomState } from 'openid-client'
import { z } from 'zod'
import { seal, unseal } from '../storage/keys.ts'
import { onceStore, type RedisConnection } from '../storage/redis.ts'
import type { LoginGoal, LoginTransaction } from './provider.ts'

/** What a login starts from; the rest of the transaction is drawn by lot. `browser` is the value of its binding cookie. */
export type NewLogin = Pick<LoginTransaction, 'goal' | 'provider' | 'redirectUri' | 'loginHint' | 'locale'> & { readonly browser: string }

/** What Apple posted, kept until the browser comes back on our own origin with its cookie. */
export type PostedForm = Readonly<Record<string, string>>

const transactionLife = 600 // seconds
const formLife = 120

const goal: z.ZodType<LoginGoal> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('signIn'), interaction: z.string() }),
  z.strictObject({ kind: z.literal('link'), customer: z.string(), grant: z.string(), clientId: z.string(), returnTo: z.string() }),
])
const transaction: z.ZodType<LoginTransaction> = z.strictObject({
  provider: z.string(),
  redirectUri: z.string(),
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  loginHint: z.string().exactOptional(),
  locale: z.string().exactOptional(),
  goal,
  startedAt: z.number(),
})
const form: z.ZodType<PostedForm> = z.record(z.string(), z.string())

/**
 * Logins under way, in Redis for ten minutes, each taken at most once. The key is made of the state *and* the browser's binding
 * secret: who has only one of them finds nothing and so cannot spend another's transaction either. What lies in Redis is encrypted: it
 * holds the verifier, and where somebody typed one an address.
 */
export function loginTransactions(redis: RedisConnection, key: Buffer, now: () => number = Date.now) {
  const logins = onceStore(redis, 'login')
  const forms = onceStore(redis, 'login-form')
  return {
    /** Draws state, nonce and PKCE verifier, and ties them to the browser that holds `browser`. */
    async begin({ browser, ...start }: NewLogin): Promise<LoginTransaction> {
      const login = { ...start, state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier(), startedAt: now() }
      const at = keyOf(login.state, browser)
      if (!(await logins.put(at, seal(key, JSON.stringify(login), at), transactionLife))) throw new Error('a random state came twice')
      return login
    },
    /** The transaction, for the first who asks with both; null for a replay, after its end, and for everybody else. */
    async take(state: string, browser: string): Promise<LoginTransaction | null> {
      const at = keyOf(state, browser)
      const login = readAs(transaction, opened(key, await logins.take(at), at))
      return login !== null && now() - login.startedAt <= transactionLife * 1000 ? login : null
    },
    /** Keeps a posted form under a random handle for two minutes, encrypted: it holds a name and a code. */
    async park(posted: PostedForm): Promise<string> {
      const handle = randomBytes(32).toString('base64url')
      await forms.put(handle, seal(key, JSON.stringify(posted), handle), formLife)
      return handle
    },
    async unpark(handle: string): Promise<PostedForm | null> {
      return readAs(form, opened(key, await forms.take(handle), handle))
    },
  }
}

export type LoginTransactions = ReturnType<typeof loginTransactions>

const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
const keyOf = (state: string, browser: string) => `${digest(state)}.${digest(browser)}`
const opened = (key: Buffer, sealed: string | null, label: string) => (sealed === null ? null : (unseal(key, sealed, label)?.toString() ?? null))

/** What is not as we write it counts as absent. */
function readAs<T>(shape: z.ZodType<T>, stored: string | null): T | null {
  if (stored === null) return null
  try {
    return shape.safeParse(JSON.parse(stored)).data ?? null
  } catch {
    return null
  }
}
