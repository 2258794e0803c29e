import { EntenteError } from '../errors.ts'

/** All of an audience is taken out seldom; whoever wants to know what is new asks for what changed. */
const mostInAnHour = 60
const hour = 3_600_000

/** Counts how often a client begins to take out all of an audience, for this process. RATE_LIMITED, with the seconds to wait. */
export function snapshotsCounted(now: () => number) {
  const counted = new Map<string, number>()
  let since = now()
  return ({ clientId, audience }: { readonly clientId: string; readonly audience: string }): void => {
    if (since + hour <= now()) {
      counted.clear()
      since = now()
    }
    const name = `${clientId}/${audience}`
    const times = (counted.get(name) ?? 0) + 1
    if (times > mostInAnHour) throw new EntenteError('RATE_LIMITED', { why: 'snapshots' }, { retryAfter: Math.ceil((since + hour - now()) / 1000) })
    counted.set(name, times)
  }
}
