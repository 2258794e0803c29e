import { hash } from 'node:crypto'
import type { CustomerKey, Mask } from '../operation.ts'
import type { Capturing, FitEvent, Refusal, SentEvent } from './capture.ts'
import type { Incoming, Outcome } from './plan-batch.ts'
import type { RecordEvents } from './record-events.ts'

/** What a client says that somebody did, or that a browser is whose. */
export interface Said {
  readonly customer: CustomerKey | null
  /** What the browser goes by while nobody is signed in with it. */
  readonly anonymousId: string | null
  readonly joins: boolean
  readonly event: SentEvent | null
}

export interface IntakeParts {
  readonly capturing: Capturing
  readonly record: RecordEvents
  /** Counts events of a client. RATE_LIMITED */
  readonly admit: (client: string, events: number) => void
  readonly count: (outcome: Outcome | Refusal) => void
  /** Counts texts that were not kept with their events. */
  readonly countLeftOut: (texts: number) => void
  /** Ids of events, and of browsers that nobody is signed in with, are kept as hashes under these. */
  readonly keys: { readonly event: Buffer; readonly anonymous: Buffer }
}

/** Who sends, and what they may act for. */
export interface Sender {
  readonly id: string
  readonly purposes: Mask
}

/**
 * One way in for events, however they come: one answer for each, in order, and the good ones kept. A client may send what is kept for at
 * least one of its own purposes; it is kept for all that the catalogue names and the person gives a basis for. RATE_LIMITED OVERLOADED
 */
export function intake({ capturing, record, admit, count, countLeftOut, keys }: IntakeParts) {
  const idOf = hashedWith(keys.event)
  const bucketOf = hashedWith(keys.anonymous)
  return async (sender: Sender, said: readonly (Said | Refusal)[], receivedAt: Date): Promise<(Outcome | Refusal)[]> => {
    admit(sender.id, said.length)
    const fit = capturing.fitting(receivedAt)
    // Not by this function: what was sent is not held while what is kept of it waits to be written.
    return answered(said.map((one) => (typeof one === 'string' ? one : incomingOf(one))))

    function incomingOf({ customer, anonymousId, joins, event }: Said): Incoming | Refusal {
      const fitting = event === null ? null : fit(event)
      if (typeof fitting === 'string') return fitting
      if (fitting !== null && fitting.leftOut > 0) countLeftOut(fitting.leftOut)
      if (fitting !== null && (fitting.purposes & sender.purposes) === 0) return 'NO_PURPOSE'
      const bucket = anonymousId === null || (customer !== null && !joins) ? null : bucketOf(sender.id, anonymousId)
      return { client: sender.id, actsFor: sender.purposes, customer, bucket, joins, event: fitting && identified(fitting) }
    }

    function identified(event: FitEvent): FitEvent & { readonly id: string } {
      return { ...event, id: idOf(sender.id, event.messageId) }
    }
  }

  async function answered(looked: readonly (Incoming | Refusal)[]): Promise<(Outcome | Refusal)[]> {
    const outcomes = await record(looked.filter((one) => typeof one !== 'string'))
    let at = 0
    const answers = looked.map((one): Outcome | Refusal => (typeof one === 'string' ? one : (outcomes[at++] ?? 'NO_PURPOSE')))
    for (const answer of answers) count(answer)
    return answers
  }
}

export type Intake = ReturnType<typeof intake>

/** 132 bits under a key of fixed length: none of them says what it is of, and no two clients' ids meet. */
function hashedWith(key: Buffer): (client: string, id: string) => string {
  const secret = key.toString('base64url')
  return (client, id) => hash('sha256', `${secret}${client.length}:${client}${id}`, 'base64url').slice(0, 22)
}
