import mongoose from 'mongoose'
import { EntenteError } from '../errors.ts'

const { MongoError, MongoServerError } = mongoose.mongo

/** Whether what was to be written is at fault, not MongoDB or the way to it: trying the same again would end the same way. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof MongoServerError) return !passing.some((label) => error.hasErrorLabel(label))
  return !(error instanceof EntenteError || error instanceof MongoError)
}

/** When who was told OVERLOADED because of MongoDB may ask again. Seconds. */
export const retryAfter = 5

/** What is thrown in the place of such an error: OVERLOADED where MongoDB is away or too busy, and else the error itself. */
export const asTold = (error: unknown): unknown =>
  error instanceof MongoError && !isRefusal(error)
    ? new EntenteError('OVERLOADED', { why: 'MongoDB is away, or too busy', seen: error.name }, { retryAfter }, error)
    : error

const passing = ['TransientTransactionError', 'UnknownTransactionCommitResult', 'RetryableWriteError', 'RetryableError', 'SystemOverloadedError']
