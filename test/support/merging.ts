import { expect } from 'vitest'
import { pick, type Browser } from './browser.ts'
import { contradictions } from './consistency.ts'
import type { Processes } from './processes.ts'
import { redirectUri, type Answer, type Shop } from './shop.ts'

export const merge = 'mutation ($proof: String!) { mergeCustomer(proof: $proof) { id email givenName identities { provider email } } }'
export const undo = 'mutation ($id: ID!) { undoMerge(id: $id) }'
const decide = 'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions) { id } }'

export const code = (answer: Answer) => answer.errors?.[0]?.extensions.code

/** What a person does who has two accounts and wants one. */
export function merging(shop: Pick<Shop | Processes, 'graphql' | 'signIn' | 'db'>) {
  const account = (provider: string, as: string, browser?: Browser) => shop.signIn(provider, { as, client: 'account', ...(browser && { browser }) })

  /** Signed in by one provider as one, and at another as the other: what the redirect brought after the link was refused. */
  async function shown(mine: string, theirs: string, by = 'google', other = 'facebook') {
    const { accessToken, browser } = await account(by, mine)
    const started = await shop.graphql(`mutation { startLinking(provider: "${other}", redirectUri: "${redirectUri}") { url } }`, {}, accessToken)
    const back = new URL((await pick(browser, await browser.open(started.data.startLinking.url), theirs)).url)
    expect(back.searchParams.get('error')).toBe('IDENTITY_TAKEN')
    return { accessToken, browser, back, proof: back.searchParams.get('merge') ?? '' }
  }

  async function yes(token: string, ...purposes: string[]): Promise<void> {
    const { data } = await shop.graphql('{ purposes { id textVersion } }')
    const versionOf = (id: string) => data.purposes.find((one: { id: string }) => one.id === id).textVersion
    const decisions = purposes.map((purpose) => ({ purpose, granted: true, textVersion: versionOf(purpose) }))
    expect((await shop.graphql(decide, { decisions }, token)).errors).toBeUndefined()
  }

  return {
    account,
    shown,
    /** Two customers, and a proof that they are one person. */
    async pair(mine: string, theirs: string) {
      const other = await account('facebook', theirs)
      return { ...(await shown(mine, theirs)), other }
    },
    yes,
    sayNo: (token: string, purpose: string, at?: string): Promise<Answer> => shop.graphql(decide, { decisions: [{ purpose, granted: false }] }, token, at),
    async consentsOf(token: string): Promise<Record<string, string>> {
      const { data } = await shop.graphql('{ me { consents { purpose state } } }', {}, token)
      return Object.fromEntries(data.me.consents.map(({ purpose, state }: { purpose: string; state: string }) => [purpose, state]))
    },
    expectAgreement: async (): Promise<void> => expect(await contradictions(shop.db)).toEqual([]),
  }
}
