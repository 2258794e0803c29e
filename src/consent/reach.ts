import type { Mask } from '../operation.ts'
import type { Classification, ClassifiedField } from './classification.ts'
import { gate, type Form } from './gate.ts'

/** The gate for a field where it stands in the schema. */
export type GateInPlace = (field: ClassifiedField, may: Mask) => Form | 'withheld'

/**
 * For lists of what can be read: the decision about a field, unless all that leads to its type is withheld. The address in a login is nothing
 * that a client can read when it gets no logins.
 */
export function gateInPlace(classification: Classification): GateInPlace {
  const leading = Map.groupBy(classification.values(), ({ type }) => type)

  /** What is led to by nothing personal, such as the customer, everybody reaches. */
  const isReached = (type: string, may: Mask, passed: readonly string[] = []): boolean =>
    leading
      .get(type)
      ?.some((field) => !passed.includes(field.parent) && gate(field.masks, may) !== 'withheld' && isReached(field.parent, may, [...passed, type])) ?? true

  return (field, may) => (isReached(field.parent, may) ? gate(field.masks, may) : 'withheld')
}
