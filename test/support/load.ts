import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect, vi } from 'vitest'
import type { Shop } from './shop.ts'

export interface Seen {
  /** Receipts that were answered. */
  readonly acknowledged: string[]
  /** Codes of errors; what is no answer of ours is here as its own text. */
  readonly refused: string[]
  /** Milliseconds. */
  readonly slowest: number
}

const decide = 'mutation ($decisions: [ConsentDecisionInput!]!, $key: String) { setConsents(decisions: $decisions, idempotencyKey: $key) { id } }'
// Between two visits, so that nobody comes near the sixty requests a second that a customer has.
const thinkTime = 40

/** Customers who read and decide, one request after the other each, until they are told to stop. */
export async function shopUnderLoad(shop: Shop, customers: number) {
  const acknowledged: string[] = []
  const refused: string[] = []
  let slowest = 0
  const closing = new AbortController()
  const load = randomUUID()
  const seen: Seen = {
    acknowledged,
    refused,
    get slowest() {
      return slowest
    },
  }

  async function ask(query: string, variables: Record<string, unknown>, token: string): Promise<string | undefined> {
    const from = performance.now()
    try {
      const { data, errors } = await shop.graphql(query, variables, token)
      if (errors) refused.push(...errors.map(({ extensions }) => extensions.code))
      return data?.setConsents?.id
    } catch (error) {
      refused.push(String(error))
      return undefined
    } finally {
      slowest = Math.max(slowest, performance.now() - from)
    }
  }

  async function visit(token: string): Promise<void> {
    for (let n = 0; !closing.signal.aborted; n++) {
      await setTimeout(thinkTime)
      await ask('{ me { id email consents { purpose state } } }', {}, token)
      const receipt = await ask(decide, { decisions: [{ purpose: 'personalised_shop', granted: false }], key: `${load} ${n}` }, token)
      if (receipt !== undefined) acknowledged.push(receipt)
    }
  }

  const visits: Promise<void>[] = []
  for (let n = 0; n < customers; n++) visits.push(visit((await shop.signIn('google', { as: `gmail-${100 + n}` })).accessToken))
  return {
    seen,
    until: (isEnough: (seen: Seen) => boolean) =>
      vi.waitFor(() => expect(isEnough(seen), `${acknowledged.length} acknowledged, refused: ${refused.join()}`).toBe(true), { timeout: 25_000, interval: 20 }),
    async stop(): Promise<void> {
      closing.abort()
      await Promise.all(visits)
    },
  }
}
