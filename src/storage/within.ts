import { EntenteError } from '../errors.ts'

/**
 * Waits for the work, but not longer than this (milliseconds). What is not done by then is left to end by itself: whether it took effect
 * is unknown to the caller, as after a lost connection. INTERNAL_SERVER_ERROR
 */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new EntenteError('INTERNAL_SERVER_ERROR', { why: 'MongoDB did not answer in time' })), milliseconds)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
