import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { SeenDevice } from '../linking/note-device.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { OnceStore } from '../storage/redis.ts'

const device: z.ZodType<SeenDevice> = z.strictObject({
  id: z.string(),
  key: z.string(),
  agent: z.string(),
  place: z.string().exactOptional(),
  around: z.strictObject({ latitude: z.number(), longitude: z.number() }).exactOptional(),
})

/** A way in that was shown, and is no session yet. */
const shown = z.strictObject({
  way: z.string(),
  device,
  /** `Device.id` of the customer, where this browser is known. */
  deviceId: z.string().nullable(),
  /** False where a browser is still to be noted or a login to be linked. */
  settled: z.boolean(),
  at: z.coerce.date(),
  amr: z.array(z.enum(['hwk', 'swk', 'user', 'otp', 'mfa', 'kba'])),
})

const half = z.strictObject({
  customer: z.string(),
  accepted: z.array(z.enum(['passkey', 'totp', 'recoveryCode', 'mailCode'])),
  reasons: z.array(z.string()),
  /** Null where the person is signed in and a shop or an alert asks for more. */
  shown: shown.nullable(),
})

export type HalfSignIn = z.infer<typeof half>

/** One OpenID interaction in one browser. */
export interface SignInPlace {
  readonly uid: string
  /** The value of the browser's binding cookie. */
  readonly browser: string
}

const seconds = 600

/** What stands between a way in and the factor on top, kept here and not at the browser: no step is taken twice, or left out. Encrypted. */
export function halfSignIns(store: OnceStore, key: Buffer) {
  const idOf = ({ uid, browser }: SignInPlace) =>
    createHash('sha256')
      .update(JSON.stringify([uid, browser]))
      .digest('base64url')
  const opened = (id: string, sealed: string | null): HalfSignIn | null => {
    const plain = sealed === null ? null : unseal(key, sealed, id)
    return plain === null ? null : half.parse(JSON.parse(plain.toString()))
  }
  return {
    async keep(place: SignInPlace, value: HalfSignIn): Promise<void> {
      const id = idOf(place)
      await store.replace(id, seal(key, JSON.stringify(value), id), seconds)
    },
    async read(place: SignInPlace): Promise<HalfSignIn | null> {
      const id = idOf(place)
      return opened(id, await store.peek(id))
    },
    /** For the one who comes first. */
    async take(place: SignInPlace): Promise<HalfSignIn | null> {
      const id = idOf(place)
      return opened(id, await store.take(id))
    },
  }
}

export type HalfSignIns = ReturnType<typeof halfSignIns>
