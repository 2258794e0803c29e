import { byTheClock } from './by-the-clock.ts'
import { createHash } from 'node:crypto'
import { inject } from 'vitest'
import { pino, type Logger } from 'pino'
import { Browser, newPkce, type Page } from './browser.ts'
import { heard } from './canary-watch.ts'
import { redirectUri, startShop, type Answer, type Shop } from './shop.ts'

/** A login that has been at the provider: the next thing its browser would open is `callback`. */
export interface Standing {
  readonly browser: Browser
  readonly callback: URL
  readonly verifier: string
}

export interface LoginAttempt {
  readonly provider?: string
  readonly as?: string
  readonly browser?: Browser
  readonly input?: Readonly<Record<string, unknown>>
}

const startMutation = 'mutation ($input: StartLoginInput!) { startLogin(input: $input) { url } }'
const completeMutation = 'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken refreshToken idToken } }'

/** A log that is kept in memory, at the most verbose level. */
export function memoryLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const folder = inject('heard')
  const write = (line: string): void => {
    lines.push(line)
    heard(folder, 'log', line)
  }
  return { lines, log: pino({ level: 'trace' }, { write }) }
}

/** A house for attacks on logins: what it logs, what it keeps and what its providers are asked can be compared before and after. */
export async function openAttackedShop(env: Record<string, string> = {}) {
  const { log, lines } = memoryLog()
  const shop = await startShop({ env, other: { log } })
  return Object.assign(shop, { lines, ...loginsOf(shop) })
}

export type AttackedShop = Awaited<ReturnType<typeof openAttackedShop>>

function loginsOf(shop: Shop) {
  const begin = async (attempt: LoginAttempt = {}): Promise<Answer & { verifier: string }> => {
    const pkce = newPkce()
    const { provider = 'google', as = 'anna' } = attempt
    const usual = {
      clientId: 'storefront',
      provider,
      redirectUri,
      codeChallenge: pkce.challenge,
      loginHint: as,
      scope: 'openid purpose:order_processing',
      state: 'shop-state',
    }
    return { ...(await shop.graphql(startMutation, { input: { ...usual, ...attempt.input } })), verifier: pkce.verifier }
  }

  /** Goes to the provider and stops in front of the callback. */
  const stand = async (attempt: LoginAttempt = {}): Promise<Standing> => {
    const started = await begin(attempt)
    const browser = attempt.browser ?? shop.newBrowser()
    browser.stopAt.push(`${shop.url}/login/${attempt.provider ?? 'google'}/callback`)
    const page = await browser.open(started.data.startLogin.url)
    browser.stopAt.pop()
    return { browser, callback: new URL(page.url), verifier: started.verifier }
  }

  const complete = (page: Page, verifier: string): Promise<Answer> =>
    shop.graphql(completeMutation, {
      input: { clientId: 'storefront', code: new URL(page.url).searchParams.get('code') ?? '', codeVerifier: verifier, redirectUri },
    })

  /** Requests for tokens that any provider got. */
  const redeemed = (): number =>
    [shop.providers.google, shop.providers.apple, shop.providers.facebook, shop.providers.haus]
      .flatMap(({ requests }) => requests)
      .filter(({ path }) => /\/(token|access_token)$/.test(path)).length

  /** A digest of every collection but the audit log, which is to grow, and what changes by the clock. */
  const kept = async (): Promise<Record<string, string>> => {
    const names = (await shop.db.listCollections().toArray()).map(({ name }) => name).filter((name) => name !== 'audit_log' && !byTheClock.has(name))
    const digests = names.sort().map(async (name) => {
      const rows = await shop.db.collection(name).find({}).sort({ _id: 1 }).toArray()
      return [name, `${rows.length} ${createHash('sha256').update(JSON.stringify(rows)).digest('hex')}`] as const
    })
    return Object.fromEntries(await Promise.all(digests))
  }

  const denials = (): Promise<number> => shop.db.collection('audit_log').countDocuments({ type: { $in: ['login.denied', 'login.link_required'] } })

  return { begin, stand, complete, redeemed, kept, denials }
}
