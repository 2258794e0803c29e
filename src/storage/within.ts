import mongoose from 'mongoose'
import { EntenteError } from '../errors.ts'
import { asTold, retryAfter } from './away.ts'

const { ClientSession } = mongoose.mongo

/** How long anybody waits for MongoDB. Milliseconds. */
export const longest = 9_000

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
 * The same store, each of whose answers comes in time, or is OVERLOADED also where the driver gave up before. The driver's own limits are not
 * enough: a command that is sent in the instant in which the server dies may never be settled (seen with driver 7.8).
 */
export function inTime<Store extends object>(store: Store): Store {
  return new Proxy(store, {
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        const answer: unknown = Reflect.apply(member, target, given)
        return isUnderWay(answer) ? within(told(answer, given)) : answer
      }
    },
  })
}

const isUnderWay = (answer: unknown): answer is PromiseLike<unknown> => typeof answer === 'object' && answer !== null && 'then' in answer

async function told(work: PromiseLike<unknown>, given: readonly unknown[]): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    // In a transaction the driver looks at the error itself: some of them have all of it run again.
    throw given.some((one) => one instanceof ClientSession) ? error : asTold(error)
  }
}
