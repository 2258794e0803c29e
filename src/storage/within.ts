import { EntenteError } from '../errors.ts'

/** How long anybody waits for MongoDB. Milliseconds. */
export const longest = 9_000

/** When who was told OVERLOADED because of MongoDB may ask again. Seconds. */
export const retryAfter = 5

/**
 * Waits for the work, but no longer than nine seconds (or as said, in milliseconds). What is not done by then is left to end by itself:
 * whether it took effect is unknown to the caller, as after a lost connection. OVERLOADED
 */
export async function within<T>(work: Promise<T>, milliseconds = longest): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new EntenteError('OVERLOADED', { why: 'MongoDB did not answer in time' }, { retryAfter })), milliseconds)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The same store, each of whose answers comes in time. The driver's own limits are not enough: a command that is sent in the instant in
 * which the server dies may never be settled (seen with driver 7.8).
 */
export function inTime<Store extends object>(store: Store): Store {
  return new Proxy(store, {
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? (...given: unknown[]) => within(Promise.resolve(Reflect.apply(member, target, given))) : member
    },
  })
}
