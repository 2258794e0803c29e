import type { Connection } from 'mongoose'
import type { AuditLog } from '../audit/log.ts'
import type { Policy } from '../config/policy.ts'
import type { Post } from '../mail/post.ts'
import type { CredentialStore } from '../storage/credentials.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { GuessStore } from '../storage/guesses.ts'
import type { KeyStore } from '../storage/keys.ts'
import { onceStore, type RedisConnection } from '../storage/redis.ts'
import { enrolment as enrolmentOf } from './enrolment.ts'
import { factorChanges } from './factor-changes.ts'
import { factors as factorsOf } from './factors.ts'
import { guesses as guessesOf } from './guesses.ts'
import type { MailCodes } from './mail-codes.ts'
import { passkeyChallenges } from './passkey-challenges.ts'
import { passkeys as passkeysOf } from './passkeys.ts'
import { recoveryCodes as recoveryCodesOf } from './recovery-codes.ts'
import { stepUp as stepUpOf } from './step-up.ts'
import { totp as totpOf } from './totp.ts'

export interface SecondFactorParts {
  readonly db: Connection
  readonly customers: CustomerStore
  readonly credentials: CredentialStore
  readonly guessed: GuessStore
  readonly audit: AuditLog
  readonly post: Pick<Post, 'toCustomer'>
  readonly mailCodes: Pick<MailCodes, 'available' | 'send' | 'check'>
  readonly policy: Policy
  readonly publicUrl: string
  readonly keys: Pick<KeyStore, 'obtain'>
  readonly redis: RedisConnection
  /** Milliseconds. */
  readonly now: () => number
}

/** Everything about second factors, put together: how they are enrolled and proved, and when they are asked for. */
export async function secondFactors(parts: SecondFactorParts) {
  const { customers, credentials, policy, keys, redis, now } = parts
  const house = policy.controller.name
  const change = factorChanges(parts)
  const guesses = guessesOf({ store: parts.guessed, now })
  const passkeys = passkeysOf({ ...parts, house, challenges: passkeyChallenges(onceStore(redis, 'passkey')), change })
  const totp = totpOf({ house, key: await keys.obtain('totp/1'), begun: onceStore(redis, 'totp'), credentials, customers, change, now })
  const recoveryCodes = recoveryCodesOf({ key: await keys.obtain('recovery/1'), credentials, change })
  const factors = factorsOf({ ...parts, passkeys, totp, recoveryCodes, guesses, change })
  const stepUp = stepUpOf({ ...parts, factors, passkeys, guesses, proofs: onceStore(redis, 'step-up') })
  const enrolment = enrolmentOf({ stepUp, passkeys, totp, recoveryCodes, factors, customers })
  return { passkeys, factors, guesses, stepUp, enrolment }
}
