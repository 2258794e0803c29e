import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { deriver } from '../../src/personalization/derive.ts'
import type { EventRow } from '../../src/storage/events.ts'
import { demoPolicy } from '../consent/fixture.ts'
import type { Shop } from './shop.ts'

type Side = Pick<Shop, 'graphql' | 'signIn' | 'db' | 'newBrowser'>

/** What people do in a shop, and what is kept of it. */
export function behaviourOf(shop: Side) {
  const mutation = `mutation ($events: [EventInput!]!, $customerId: ID, $anonymousId: ID) {
    recordEvents(events: $events, customerId: $customerId, anonymousId: $anonymousId) { accepted refused { index reason } }
  }`
  const decide = 'mutation ($d: [ConsentDecisionInput!]!) { setConsents(decisions: $d) { id } }'
  const customers = shop.db.collection<{ _id: string; derived?: Readonly<Record<string, object>> }>('customers')

  async function say(token: string, decisions: Readonly<Record<string, boolean>>): Promise<void> {
    const d = Object.entries(decisions).map(([purpose, granted]) => ({ purpose, granted, ...(granted && { textVersion: '2026-01' }) }))
    expect((await shop.graphql(decide, { d }, token)).errors).toBeUndefined()
  }

  return {
    mutation,
    say,

    /** Somebody who is signed in at the shop and has decided; their key in the house, and the shop's id of them. */
    async person(as: string, decisions: Readonly<Record<string, boolean>> = {}) {
      const account = await shop.signIn('google', { as, client: 'account' })
      if (Object.keys(decisions).length > 0) await say(account.accessToken, decisions)
      const { accessToken } = await shop.signIn('google', { as, browser: account.browser })
      const { data } = await shop.graphql('{ me { id } }', {}, accessToken)
      const { data: own } = await shop.graphql('{ me { email } }', {}, account.accessToken)
      const row = await customers.findOne({ email: own.me.email } as object)
      return { accessToken, account: account.accessToken, customer: row?._id ?? '', id: String(data.me.id) }
    },

    /** As if the yes had been said years ago: what happened since counts. */
    agreedLongAgo: (customer: string, purpose: string) => customers.updateOne({ _id: customer }, { $set: { [`decisions.${purpose}.at`]: new Date(0) } }),

    viewed: (properties: Readonly<Record<string, string | number | boolean>>) => ({
      messageId: randomUUID(),
      name: 'Product Viewed',
      properties: Object.entries(properties).map(([name, value]) => ({ name, [typeof value]: value })),
    }),

    async record(token: string, events: readonly object[], whose: { readonly customerId?: string; readonly anonymousId?: string } = {}) {
      const { data, errors } = await shop.graphql(mutation, { events, ...whose }, token)
      expect(errors).toBeUndefined()
      return data.recordEvents
    },

    kept: (customer: string): Promise<EventRow[]> =>
      shop.db
        .collection<EventRow>('events')
        .find({ customer })
        .toArray()
        .then((rows) => rows.sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime())),

    /** What one pass over all that is kept makes of it. */
    recomputed: async (customer: string, purpose: string) => {
      const rows = await shop.db.collection<EventRow>('events').find({ customer, purposes: purpose }).toArray()
      return deriver(demoPolicy).apply(
        undefined,
        purpose,
        rows.map(({ _id: id, ...row }) => ({ id, ...row })),
        Date.now(),
        [],
      )
    },

    /** What is derived for each purpose. */
    derived: async (customer: string) => (await customers.findOne({ _id: customer }))?.derived,
  }
}

export type Behaviour = ReturnType<typeof behaviourOf>
