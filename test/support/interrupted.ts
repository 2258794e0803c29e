import { expect } from 'vitest'
import type { Round } from './kill-sweep.ts'
import type { Processes } from './processes.ts'

/** A first login, each round of another person. */
export const login =
  (house: Processes, provider: string) =>
  (n: number): Round => {
    const as = `person-${n}`
    const browser = house.newBrowser()
    const scope = 'openid offline_access purpose:order_processing'
    return {
      prepare: async () => {},
      attempt: async () => void (await house.signIn(provider, { as, browser, scope })),
      again: async () => {
        const { accessToken, refreshToken } = await house.signIn(provider, { as, browser, scope })
        expect((await house.graphql('{ me { id } }', {}, accessToken)).data.me.id).toBeTruthy()
        expect(refreshToken).toBeTruthy()
        expect(await house.db.collection('customers').countDocuments({ 'sources.email.from': provider, email: `${as}@people.example` })).toBe(1)
      },
    }
  }

const decide =
  'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions, idempotencyKey: "again") { id consents { purpose state } } }'

/** A yes to one purpose and a no to another, repeated with the same key. */
export const decision =
  (house: Processes) =>
  (n: number): Round => {
    let token = ''
    let decisions: object[] = []
    let receipt: string | undefined
    const say = async () => {
      const { data, errors } = await house.graphql(decide, { decisions }, token)
      expect(errors).toBeUndefined()
      receipt ??= data.setConsents.id
      expect(data.setConsents.id).toBe(receipt)
      expect(data.setConsents.consents).toContainEqual({ purpose: 'personalised_shop', state: 'GRANTED' })
    }
    return {
      prepare: async () => {
        token = (await house.signIn('google', { as: `gmail-${n}` })).accessToken
        const { data } = await house.graphql('{ purposes { id textVersion } }')
        const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'personalised_shop')
        decisions = [
          { purpose: 'personalised_shop', granted: true, textVersion },
          { purpose: 'email_marketing', granted: false },
        ]
      },
      attempt: say,
      again: async () => {
        await say()
        expect(await house.db.collection('consent_ledger').countDocuments()).toBe(n)
      },
    }
  }
