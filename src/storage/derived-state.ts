/** Numbers of days (or of longer steps) and what they add up to, oldest first: `[20416, 2, 20419, 1]`. */
export type Series = readonly number[]

/**
 * Names and their series, in the order of the names, as JSON: `[["Skiing",171,2048]]`; empty for none. It is read and written as a whole, and one
 * text costs the way to the database and back a fraction of what so many small arrays do.
 */
export type Tally = string

/** One value and when it was said. */
export interface Mark {
  readonly at: Date
  /** Of the event: two at the same moment are told apart by it. */
  readonly id: string
  readonly value: string | number | boolean
}

/**
 * What the events kept for one purpose come to: sums that do not depend on the order in which events came, small enough to stand in the
 * customer's own row. Values are worked out from it when it is read.
 */
export interface DerivedState {
  /** Counts and sums, by computed trait. */
  readonly sums: Readonly<Record<string, Series>>
  /** Most frequent and different values, by computed trait. */
  readonly tallies: Readonly<Record<string, Tally>>
  /** First and last values, by computed trait. */
  readonly marks: Readonly<Record<string, readonly Mark[]>>
  /** By kind of affinity. */
  readonly interests: Readonly<Record<string, Tally>>
  /** How often what happened on which day, by event that a segment's rule asks about. */
  readonly happened: Tally
}
