import { randomUUID } from 'node:crypto'
import { ask } from '../graphql.ts'
import type { Product } from './pages.ts'
import type { Tokens } from './sessions.ts'

export interface ShopEvent {
  readonly name: 'Product Viewed' | 'Order Completed'
  readonly properties: Readonly<Record<string, string | number>>
}

export const viewed = ({ id, category, brand, price }: Product): ShopEvent => ({
  name: 'Product Viewed',
  properties: { product_id: id, category, brand, price },
})
export const ordered = ({ category, brand, price }: Product): ShopEvent => ({
  name: 'Order Completed',
  properties: { order_id: randomUUID(), category, brand, total: price },
})

/**
 * Tells Entente what somebody does, whatever they have agreed to: it keeps what it may, and the shop need not know. When it answers, all
 * that follows from the event is there for the next read.
 */
export type Tell = (who: Tokens, event: ShopEvent) => Promise<void>

/** As Segment's tools send it: with the shop's write key. */
export const tellByWriteKey =
  (gateway: string, writeKey: string): Tell =>
  async ({ subject }, { name, properties }) => {
    const response = await fetch(`${gateway}/v1/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`${writeKey}:`)}` },
      body: JSON.stringify({ messageId: randomUUID(), userId: subject, event: name, properties }),
      signal: AbortSignal.timeout(5_000),
    })
    if (!response.ok) throw new Error(`an event was answered with ${response.status}`)
  }

const record = 'mutation ($events: [EventInput!]!) { recordEvents(events: $events) { accepted } }'

/** With the token of whoever shops, where there is no write key. */
export const tellByToken =
  (gateway: string): Tell =>
  async ({ access }, { name, properties }) => {
    const values = Object.entries(properties).map(([key, value]) => (typeof value === 'number' ? { name: key, number: value } : { name: key, string: value }))
    await ask(gateway, access, record, { events: [{ messageId: randomUUID(), name, properties: values }] })
  }
