export type EventValue = string | number | boolean

/** One event that was kept, as far as values are worked out from it. */
export interface KeptEvent {
  /** Its key in the store: the same event counts once. */
  readonly id: string
  readonly name: string
  /** As the sender says. */
  readonly at: Date
  readonly receivedAt: Date
  readonly properties: Readonly<Record<string, EventValue>>
}

/** When it counts as having happened, milliseconds: nothing happens after it was told. */
export const effective = ({ at, receivedAt }: KeptEvent): number => Math.min(at.getTime(), receivedAt.getTime())

/** Days since 1970 by UTC. */
export const dayOf = (time: number): number => Math.floor(time / 86_400_000)
