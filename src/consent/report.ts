import type { DataForm } from '../config/policy.ts'
import type { GatedRow } from '../storage/customers.ts'
import { reasonOf, type Reason } from './gate.ts'
import type { GateDecision, Refusal, Shape } from './shape.ts'

/** An entry of `extensions.withheld`. */
export interface Withheld {
  readonly field: string
  readonly category: string
  readonly reason: Reason
  readonly count: number
}

/** An entry of `extensions.reduced`. */
export interface Reduced {
  readonly field: string
  readonly category: string
  readonly form: DataForm
  readonly count: number
}

export interface Report {
  /** One customer was shown in that shape. Says nothing of what is stored: a field is withheld whether it has a value or not. */
  readonly saw: (shape: Shape, row: GatedRow) => void
  /** Merged over the whole operation and sorted: the same answer gives the same bytes. */
  readonly withheld: () => Withheld[]
  readonly reduced: () => Reduced[]
  /** Each kind of decision with the number of customers it was made for. */
  readonly decided: (tell: (decision: GateDecision, customers: number) => void) => void
}

interface Tally {
  rows: number
  /** For each refusal of the shape, how many customers by reason. */
  readonly reasons: ReadonlyMap<Refusal, Map<Reason, number>>
}

/** What one operation did not show. A restriction is named to the person only (`toThePerson`): whoever holds `data_subject_access`. */
export function newReport(toThePerson: boolean): Report {
  const tallies = new Map<Shape, Tally>()

  function saw(shape: Shape, row: GatedRow): void {
    let tally = tallies.get(shape)
    if (!tally) {
      tally = { rows: 0, reasons: new Map(shape.refusals.map((refusal) => [refusal, new Map()])) }
      tallies.set(shape, tally)
    }
    tally.rows++
    for (const refusal of shape.refusals) {
      const reason = reasonOf(refusal.purpose, row, toThePerson)
      const counts = tally.reasons.get(refusal)
      counts?.set(reason, (counts.get(reason) ?? 0) + 1)
    }
  }

  function withheld(): Withheld[] {
    const merged = new Map<string, Withheld>()
    for (const { reasons } of tallies.values())
      for (const [{ fields }, counts] of reasons)
        for (const [reason, count] of counts)
          for (const { coordinate: field, category } of fields) add(merged, `${field} ${reason}`, { field, category, reason, count })
    return sorted(merged)
  }

  function reduced(): Reduced[] {
    const merged = new Map<string, Reduced>()
    for (const [shape, { rows }] of tallies)
      for (const {
        field: { coordinate, category },
        form,
      } of shape.reductions)
        add(merged, `${coordinate} ${form}`, { field: coordinate, category, form, count: rows })
    return sorted(merged)
  }

  function decided(tell: (decision: GateDecision, customers: number) => void): void {
    for (const [{ decisions }, { rows }] of tallies) for (const decision of decisions) tell(decision, rows)
  }

  return { saw, withheld, reduced, decided }
}

function add<T extends { readonly count: number }>(merged: Map<string, T>, key: string, entry: T): void {
  merged.set(key, { ...entry, count: entry.count + (merged.get(key)?.count ?? 0) })
}

const sorted = <T>(merged: ReadonlyMap<string, T>): T[] => [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
