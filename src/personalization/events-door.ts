import { EntenteError } from '../errors.ts'
import { tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { Refusal, SentEvent } from './capture.ts'
import type { EventInput, EventPropertyInput, EventsDoor, EventsRequest } from './events-resolver.ts'
import type { Intake } from './intake.ts'

export interface EventsDoorParts {
  readonly take: Intake
  readonly subjects: { inward(sector: string, id: string): CustomerKey | null }
  readonly now: () => Date
}

const mostEvents = 500
const mostProperties = 100
const longestId = 200

/** What `recordEvents` calls. */
export function eventsDoor({ take, subjects, now }: EventsDoorParts): EventsDoor {
  /** A tool says whose events they are; whoever is signed in means themself. */
  function customerOf({ customer, sector }: Caller, { customerId }: EventsRequest): CustomerKey | null {
    if (customer !== null && customerId !== null) throw new EntenteError('FORBIDDEN', { why: 'only tools name a customer' })
    if (customer === null && customerId === null) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'customerId' })
    return customer ?? subjects.inward(sector, customerId ?? '')
  }

  return {
    async record(given, request) {
      const caller = tokenOf(given)
      const { events, anonymousId } = request
      if (events.length > mostEvents) throw new EntenteError('BAD_USER_INPUT', { events: events.length }, { field: 'events' })
      if (anonymousId !== null && (anonymousId === '' || anonymousId.length > longestId)) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'anonymousId' })
      const customer = customerOf(caller, request)
      const joining = anonymousId === null || customer === null ? [] : [{ customer, anonymousId, joins: true, event: null }]
      const said = events.map((event) => {
        const sent = sentOf(event)
        // Nobody's: answered like somebody who gives no basis.
        if (typeof sent !== 'string' && customer === null) return 'NO_PURPOSE'
        return typeof sent === 'string' ? sent : { customer, anonymousId: null, joins: false, event: sent }
      })
      const outcomes = (await take({ id: caller.clientId, purposes: caller.purposes }, [...joining, ...said], now())).slice(joining.length)
      const refused = outcomes.flatMap((reason, index) => (reason === 'KEPT' || reason === 'DUPLICATE' ? [] : [{ index, reason }]))
      return { accepted: outcomes.length - refused.length, refused }
    },
  }
}

function sentOf({ messageId, name, timestamp, properties }: EventInput): SentEvent | Refusal {
  const given = properties ?? []
  if (given.length > mostProperties) return 'TOO_LARGE'
  if (!given.every(isOneValue) || new Set(given.map((one) => one.name)).size !== given.length) return 'INVALID_PROPERTIES'
  const values = given.map((one) => [one.name, one.string ?? one.number ?? one.boolean] as const)
  return { messageId, name, at: timestamp?.getTime() ?? null, properties: Object.fromEntries(values), refused: 0, agreed: 0 }
}

const isOneValue = ({ string, number, boolean }: EventPropertyInput): boolean =>
  [string, number, boolean].filter((value) => value !== undefined && value !== null).length === 1
