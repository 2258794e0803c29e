import { createHash } from 'node:crypto'
import type { Collection, Db } from 'mongodb'
import type { CustomerRow } from '../src/storage/customers.ts'
import type { EmailRow } from '../src/storage/emails.ts'
import type { EventRow } from '../src/storage/events.ts'
import type { IdentityRow } from '../src/storage/identities.ts'
import { eventsOfEach, historiesUntil, type Histories } from './histories.ts'
import { customerRow, personOf, type Person } from './people.ts'

/** What the usual stack keeps: the values themselves, as the last event left them. */
export interface PeerRow {
  readonly _id: string
}

export interface Into {
  readonly ours: Db
  readonly theirs?: Collection<PeerRow>
}

/** Rows in one command; the driver's bulk writes go through each of them two more times. */
const atOnce = 1_000
const idLength = 22

/** Everybody with a number from `first` on, as they are after logging in, deciding and `eventsOfEach` events; who behaved until a moment. */
export async function fill({ ours, theirs }: Into, first: number, count: number, until: number): Promise<void> {
  const histories = historiesUntil(until)
  let written: Promise<unknown> = Promise.resolve()
  for (let from = first; from < first + count; from += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, first + count - from) }, (_, i) => made(from + i, histories))
    const rows = some.map(({ row }) => row)
    const events = some.flatMap(({ n, row }) => eventRows(n, row, histories))
    // The next ones are made while these are written.
    await written
    written = Promise.all([
      insert(ours, 'customers', rows),
      insert(ours, 'identities', rows.map(identityOf)),
      insert(ours, 'emails', rows.map(addressOf)),
      ...Array.from({ length: Math.ceil(events.length / atOnce / 5) }, (_, i) => insert(ours, 'events', events.slice(i * atOnce * 5, (i + 1) * atOnce * 5))),
      ...(theirs
        ? [
            theirs.insertMany(
              some.map(({ n, person, row }) => shownOf(person, n, row, histories, until)),
              { ordered: false },
            ),
          ]
        : []),
    ])
    written.catch(() => undefined)
  }
  await written
}

function made(n: number, histories: Histories): { readonly n: number; readonly person: Person; readonly row: CustomerRow } {
  const person = personOf(n)
  return { n, person, row: histories.behaving(customerRow(person), n) }
}

/** What a read in the shop shows of a person at a moment. */
export function shownOf({ key, profile }: Person, n: number, row: CustomerRow, histories: Histories, now: number) {
  const { traits, ...derived } = histories.shownAt(n, row, now)
  return { _id: key, ...profile, traits: { ...profile.traits, ...traits }, ...derived }
}

/** Durable with the rest, at the end. */
async function insert(db: Db, name: string, documents: readonly object[]): Promise<void> {
  const { writeErrors = [] } = await db.command({ insert: name, documents, ordered: false, writeConcern: { w: 1, j: false } })
  if (writeErrors.length > 0) throw new Error(`${name}: ${JSON.stringify(writeErrors[0])}`)
}

const eventRows = (n: number, row: CustomerRow, histories: Histories): EventRow[] =>
  histories.eventsOf(n).map((event, i) => {
    const { messageId, name, at, receivedAt, properties, expiresAt } = event
    const purposes = histories.purposesOf(event, row)
    return { _id: eventId(n * eventsOfEach + i, messageId), customer: row._id, name, at, receivedAt, client: 'storefront', purposes, properties, expiresAt }
  })

/** As long as a real one and in order: twenty million random keys in a row would be written to all places of their index at once. */
const eventId = (n: number, messageId: string): string => n.toString(36).padStart(7, '0') + hashed(messageId).slice(0, idLength - 7)

const hashedBefore = new Map<string, string>()
function hashed(text: string): string {
  const known = hashedBefore.get(text) ?? digest(text)
  hashedBefore.set(text, known)
  return known
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')

const identityOf = ({ _id: customer, createdAt: at }: CustomerRow): IdentityRow => ({
  _id: `1.${digest(`identity ${customer}`)}`,
  customer,
  provider: 'google',
  publicId: customer.slice(0, 12),
  linkedAt: at,
})

const addressOf = ({ _id: customer, createdAt: at }: CustomerRow): EmailRow => ({
  _id: `1.${digest(`address ${customer}`)}`,
  customer,
  proof: 'verified',
  by: 'google',
  at,
})
