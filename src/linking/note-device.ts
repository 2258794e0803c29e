import type { CustomerRow, Device } from '../storage/customers.ts'
import { hasSecondFactor } from './ways-in.ts'
import type { Tx } from '../storage/transaction.ts'

/** The browser that signs in, as far as the customer is told of it later. */
export interface SeenDevice {
  /** What it will be called if it is new. */
  readonly id: string
  readonly key: string
  readonly agent: string
  readonly place?: string
}

const most = 20

/** The customer's devices after this one was seen, its id among them, and whether it is new. The cookie decides: what a browser says of itself is easily said. */
export function withDevice(known: readonly Device[], { id, key, agent, place }: SeenDevice, at: Date): { devices: Device[]; id: string; isNew: boolean } {
  const before = known.find((one) => one.key === key)
  const now = { id: before?.id ?? id, key, agent, ...(place !== undefined && { place }), firstAt: before?.firstAt ?? at, lastAt: at }
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
  readonly isNew: boolean
  readonly noted: boolean
}

/**
 * The browser that signs in, among the customer's devices. The customer is told of a new one, but not of the very first, nor of the first
 * after devices began to be kept: there is nothing to compare it with. Where there is a second factor, a browser is noted when it has been
 * proved (`proved`): else whoever was asked for it once would come back with a browser that is known.
 */
export async function noteDevice(
  { tellNewDevice }: { readonly tellNewDevice: TellNewDevice },
  tx: Tx,
  row: CustomerRow,
  seen: SeenDevice | undefined,
  at: Date,
  proved = false,
): Promise<Noted> {
  if (seen === undefined) return { $set: {}, device: null, isNew: false, noted: false }
  const known = row.devices ?? []
  const { devices, id, isNew } = withDevice(known, seen, at)
  if (isNew && hasSecondFactor(row) && !proved) return { $set: {}, device: id, isNew, noted: false }
  const [newest] = devices
  const isFirst = known.length === 0
  if (isNew && !isFirst && newest !== undefined) await tellNewDevice(tx, row, newest)
  return { $set: { devices }, device: id, isNew: isNew && !isFirst, noted: true }
}
