import type { Risk } from '../config/step-up.ts'
import type { CustomerRow, Device, Whereabouts } from '../storage/customers.ts'
import type { Tx } from '../storage/transaction.ts'
import { isImpossible } from './travel.ts'
import { hasSecondFactor } from './ways-in.ts'

/** The browser that signs in, as far as the customer is told of it later. */
export interface SeenDevice {
  /** What it will be called if it is new. */
  readonly id: string
  readonly key: string
  readonly agent: string
  readonly place?: string
  readonly around?: Whereabouts
}

const most = 20

/** The customer's devices after this one was seen, its id among them, and whether it is new. The cookie decides: what a browser says of itself is easily said. */
export function withDevice(
  known: readonly Device[],
  { id, key, agent, place, around }: SeenDevice,
  at: Date,
): { devices: Device[]; id: string; isNew: boolean } {
  const before = known.find((one) => one.key === key)
  const now = {
    id: before?.id ?? id,
    key,
    agent,
    ...(place !== undefined && { place }),
    ...(around !== undefined && { around }),
    firstAt: before?.firstAt ?? at,
    lastAt: at,
  }
  const others = known.filter((one) => one !== before).toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime())
  return { devices: [now, ...others].slice(0, most), id: now.id, isNew: before === undefined }
}

/** Tells a customer, in the same transaction, that a browser signed in that never did before. */
export type TellNewDevice = (tx: Tx, row: CustomerRow, device: Device) => Promise<void>

interface Noted {
  /** What the caller writes into the customer. */
  readonly $set: { readonly devices?: readonly Device[] }
  /** The device's id. */
  readonly device: string | null
  /** What makes the sign-in doubtful. */
  readonly risks: readonly Risk[]
  readonly noted: boolean
}

/**
 * The browser that signs in, among the customer's devices. The customer is told of a new one, but not of the very first, nor of the first
 * after devices began to be kept: there is nothing to compare it with. Where something may be asked, for a new browser or for one that came
 * faster than anybody travels, it is noted when that has been proved (`proved`): else whoever was asked once would come back well known.
 */
export async function noteDevice(
  { tellNewDevice }: { readonly tellNewDevice: TellNewDevice },
  tx: Tx,
  row: CustomerRow,
  seen: SeenDevice | undefined,
  at: Date,
  proved = false,
): Promise<Noted> {
  if (seen === undefined) return { $set: {}, device: null, risks: [], noted: false }
  const known = row.devices ?? []
  const { devices, id, isNew } = withDevice(known, seen, at)
  const isFar = isImpossible(known, seen.around, at)
  const unproved = !proved && (isFar || (isNew && hasSecondFactor(row)))
  const stands = isNew && (unproved || known.length > 0)
  const risks: Risk[] = [...(stands ? (['newDevice'] as const) : []), ...(isFar ? (['impossibleTravel'] as const) : [])]
  if (unproved) return { $set: {}, device: id, risks, noted: false }
  const [newest] = devices
  if (stands && newest !== undefined) await tellNewDevice(tx, row, newest)
  return { $set: { devices }, device: id, risks, noted: true }
}
