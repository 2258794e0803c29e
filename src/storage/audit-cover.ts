import type { CustomerKey } from '../operation.ts'

/** So many customers at most are found by keys of their own. */
export const mostOfTheirOwn = 16
const keyLength = 22

/**
 * What an event about these customers is found by: beginnings of their keys, each customer below one of them, at most sixteen and as long as
 * that allows. Up to sixteen customers cover themselves. A page of a list, which is in the order of the keys, lies below few beginnings, and
 * those cost the index a fraction of what hundreds of keys do.
 */
export function coverOf(customers: readonly CustomerKey[]): string[] {
  if (customers.length <= mostOfTheirOwn) return [...customers]
  let cover = new Set([''])
  for (let length = 1; length <= keyLength; length++) {
    const longer = new Set<string>()
    for (const customer of customers) if (longer.add(customer.slice(0, length)).size > mostOfTheirOwn) return [...cover]
    cover = longer
  }
  return [...cover]
}

/** All beginnings of a key, itself among them: whatever covers this customer is one of them. */
export const beginningsOf = (customer: CustomerKey): string[] => Array.from({ length: customer.length + 1 }, (_, length) => customer.slice(0, length))
