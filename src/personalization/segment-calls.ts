import { randomUUID } from 'node:crypto'
import type { Policy } from '../config/policy.ts'
import type { Mask } from '../operation.ts'
import type { Refusal, SentEvent } from './capture.ts'

/** Kinds of calls, by the path that each is sent to; browsers send to the first letter. */
export const callKinds = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const
export type CallKind = (typeof callKinds)[number]

/** One call as Segment's tools make it, as far as it means something here. Ids are the sender's words. */
export interface SegmentCall {
  readonly userId: string | null
  readonly anonymousId: string | null
  /** Whether it says that both are the same person. */
  readonly joins: boolean
  /** Null for a call that only says who somebody is. */
  readonly event: SentEvent | null
}

/** A body that is no call and no list of calls. */
export class NotCalls extends Error {}

const mostCalls = 500
/** Of one call, in characters of its JSON; more or less. */
const largestCall = 32_768
const longestId = 200

/** When the whole batch was sent, milliseconds; null: it says so in no way that can be read. Undefined: each call says it. */
type Sent = number | null | undefined
type Members = Readonly<Record<string, unknown>>

/**
 * Reads the bodies of Segment's HTTP tracking API. The sender's clock is set right by the moment of sending. What a browser's own consent
 * dialog says (`context.consent.categoryPreferences`) can keep an event from purposes; it opens none for somebody who is known.
 */
export function segmentCalls(policy: Policy, knows: (event: string) => boolean) {
  const purposesOf = new Map<string, Mask>()
  for (const { mask, signals } of policy.purposes)
    for (const category of signals.segmentCategories) purposesOf.set(category, (purposesOf.get(category) ?? 0) | mask)
  const objectedByGpc = policy.purposes.reduce((all, { mask, onGpc }) => (onGpc === 'object' ? all | mask : all), 0)

  function saidIn(context: Members): Pick<SentEvent, 'refused' | 'agreed'> {
    const preferences = members(members(context['consent'])['categoryPreferences'])
    let [refused, agreed] = [0, 0]
    for (const [category, answer] of Object.entries(preferences)) {
      if (answer === false) refused |= purposesOf.get(category) ?? 0
      if (answer === true) agreed |= purposesOf.get(category) ?? 0
    }
    return { refused, agreed: agreed & ~refused }
  }

  function callIn(call: Members, kind: unknown, sentAt: Sent, receivedAt: number, gpc: Mask): SegmentCall | Refusal {
    if (!callKinds.some((one) => one === kind)) return 'UNKNOWN_EVENT'
    if (!isWithin(call, largestCall)) return 'TOO_LARGE'
    const userId = idIn(call['userId'])
    if (kind === 'alias') return { userId, anonymousId: idIn(call['previousId']), joins: true, event: null }
    const anonymousId = idIn(call['anonymousId'])
    const isIdentify = kind === 'identify'
    const joins = isIdentify && userId !== null && anonymousId !== null
    const name = kind === 'track' ? call['event'] : `$${String(kind)}`
    if (isIdentify && !knows('$identify')) return { userId, anonymousId, joins, event: null }
    const { refused, agreed } = saidIn(members(call['context']))
    const event: SentEvent = {
      messageId: typeof call['messageId'] === 'string' && call['messageId'] !== '' ? call['messageId'] : randomUUID(),
      name: typeof name === 'string' ? name : '',
      at: momentOf(call, sentAt, receivedAt),
      properties: propertiesOf(call, kind),
      refused: refused | gpc,
      agreed,
    }
    return { userId, anonymousId, joins, event }
  }

  return {
    /** One entry a call, in order: `kind` is null where each call says its own. Throws `NotCalls`. */
    read(body: unknown, kind: CallKind | null, receivedAt: number, hasGpc: boolean): (SegmentCall | Refusal)[] {
      const whole = members(body)
      const gpc = hasGpc ? objectedByGpc : 0
      if (kind !== null) return [callIn(whole, kind, undefined, receivedAt, gpc)]
      const { batch, context } = whole
      if (!Array.isArray(batch) || batch.length > mostCalls) throw new NotCalls()
      const sentAt = whole['sentAt'] === undefined || whole['sentAt'] === null ? undefined : timeIn(whole['sentAt'])
      return batch.map((one: unknown) => {
        const call = members(one)
        return callIn(
          context === undefined ? call : { ...call, context: { ...members(context), ...members(call['context']) } },
          call['type'],
          sentAt,
          receivedAt,
          gpc,
        )
      })
    },
  }
}

export type SegmentCalls = ReturnType<typeof segmentCalls>

const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value)
const members = (value: unknown): Members => (isMembers(value) ? value : nothing)
const nothing: Members = {}

const idIn = (value: unknown): string | null => (typeof value === 'string' && value !== '' && value.length <= longestId ? value : null)

/** A page's and a group's name are properties like others; what `identify` says of a person are its traits. */
function propertiesOf(call: Members, kind: unknown): Members {
  if (kind === 'identify') return members(call['traits'])
  if (kind === 'group') return { ...members(call['traits']), groupId: call['groupId'] }
  const properties = members(call['properties'])
  return kind === 'track' ? properties : { name: call['name'], category: call['category'], ...properties }
}

/** `receivedAt − (sentAt − originalTimestamp)`: two readings of one clock, whatever it shows. */
function momentOf(call: Members, sentAt: Sent, receivedAt: number): number | null {
  const at = timeIn(call['originalTimestamp'] ?? call['timestamp'])
  if (at === null) return null
  const sent = sentAt === undefined ? timeIn(call['sentAt']) : sentAt
  return sent === null ? at : receivedAt - (sent - at)
}

function timeIn(value: unknown): number | null {
  if (typeof value !== 'string' || value.length > 40) return null
  const time = Date.parse(value)
  return Number.isNaN(time) ? null : time
}

/** Whether it is no larger as JSON, looked at no further than that: however deep and wide it is. */
function isWithin(value: unknown, characters: number): boolean {
  const waiting: unknown[] = [value]
  let left = characters
  while (waiting.length > 0 && left >= 0) {
    const one = waiting.pop()
    if (typeof one === 'string') left -= one.length + 3
    else if (typeof one !== 'object' || one === null) left -= 5
    else {
      left -= 2
      for (const name of Object.keys(one)) {
        left -= name.length + 3
        waiting.push(Reflect.get(one, name))
      }
    }
  }
  return left >= 0
}
