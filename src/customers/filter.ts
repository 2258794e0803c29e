import { closedByDeadAddress } from '../consent/dead-address.ts'
import type { FieldMasks, Form } from '../consent/gate.ts'
import { band } from '../consent/reduce.ts'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { Caller, Mask } from '../operation.ts'
import type { BooleanCondition, Condition, CustomerFilter, IntCondition, StringCondition } from './filter-type.ts'
import { withBasis } from './permission.ts'
import { allOf, anyOf, never, none, oneOf, range, startsWith, type Query } from './query.ts'

/** What a filter on a field needs to know of it: the masks of the gate, and whether it holds a list. */
export interface FilterField {
  readonly masks: FieldMasks
  readonly list: boolean
}

export interface FilterParts {
  readonly policy: Policy
  /** By path: `email`, `traits.clothingSize`. */
  readonly fields: ReadonlyMap<string, FilterField>
}

/** A condition is true, false, or unknown where the caller may not read the field; who is unknown satisfies neither side. */
interface Sides {
  readonly holds: Query
  readonly fails: Query
}

const most = { conditions: 30, values: 100 } as const

/**
 * Compiles a filter into one query with the permission inside every leaf, so that a condition and its negation both see only what this
 * caller reads, in the form it reads it. Nothing is dropped: what is empty, null or too much is BAD_USER_INPUT.
 */
export function compileFilter(parts: FilterParts, filter: CustomerFilter, caller: Caller, now: Date): Query {
  let leaves = 0

  function group(given: CustomerFilter): Sides {
    return both(Object.entries(given).map(([name, value]) => member(name, value)))
  }

  function member(name: string, value: unknown): Sides {
    if (value === null || value === undefined) throw refused(name)
    if (name === 'and') return both(listOf(name, value).map(group))
    if (name === 'or') return either(listOf(name, value).map(group))
    if (name === 'not') return opposite(group(value))
    if (name !== 'traits') return leaf(name, value)
    return both(Object.entries(value).map(([trait, condition]) => leaf(`traits.${trait}`, condition)))
  }

  function leaf(path: string, condition: unknown): Sides {
    const field = parts.fields.get(path)
    if (!field || !isCondition(condition) || ++leaves > most.conditions) throw refused(path)
    const sides: Sides[] = []
    let wider: Query = never
    for (const { mask, ...form } of field.masks.widestFirst) {
      const readable = readableBy(path, mask & caller.purposes, parts.policy, now)
      const asked = predicate(path, condition, form, field.list)
      if (asked) {
        const here = allOf([readable, none(wider)])
        sides.push({ holds: allOf([here, asked]), fails: allOf([here, none(asked)]) })
      }
      wider = anyOf([wider, readable])
    }
    // Also when no form can be asked, a condition that is no condition is refused.
    predicate(path, condition, { form: 'FULL', matchable: false }, field.list)
    return { holds: anyOf(sides.map((side) => side.holds)), fails: anyOf(sides.map((side) => side.fails)) }
  }

  return group(filter).holds
}

/** Customers of whom one of these purposes reads the field now. */
function readableBy(path: string, mask: Mask, policy: Policy, now: Date): Query {
  if (path !== 'email') return withBasis(mask, policy, now)
  const closed = closedByDeadAddress(policy)
  return anyOf([withBasis(mask & ~closed, policy, now), allOf([withBasis(mask & closed, policy, now), { emailUndeliverable: { $ne: true } }])])
}

const both = (sides: readonly Sides[]): Sides => ({ holds: allOf(sides.map((one) => one.holds)), fails: anyOf(sides.map((one) => one.fails)) })
const either = (sides: readonly Sides[]): Sides => ({ holds: anyOf(sides.map((one) => one.holds)), fails: allOf(sides.map((one) => one.fails)) })
const opposite = (side: Sides): Sides => ({ holds: side.fails, fails: side.holds })

/** The condition on the stored value that says what the caller asks of the form; null for forms that cannot be asked. */
function predicate(path: string, condition: Condition, { form }: Form, list: boolean): Query | null {
  const operators = Object.entries(condition).map(([operator, value]) => {
    if (value === null || value === undefined || (Array.isArray(value) && (value.length === 0 || value.length > most.values))) throw refused(path)
    return form === 'BAND' ? onBand(path, operator, value) : form === 'REGION' ? onRegion(path, operator, value) : onWhole(path, operator, value, list)
  })
  if (operators.length === 0) throw refused(path)
  return form === 'HASH' || form === 'PRESENCE' ? null : allOf(operators)
}

function onWhole(path: string, operator: string, value: unknown, list: boolean): Query {
  if (operator === 'startsWith' && typeof value === 'string') return startsWith(path, value, list)
  if (operator === 'gte' && typeof value === 'number') return range(path, { $gte: value }, list)
  if (operator === 'lte' && typeof value === 'number') return range(path, { $lte: value }, list)
  return oneOf(path, valuesOf(path, operator, value))
}

/** A decade is asked for by its first year, and compared by it. */
function onBand(path: string, operator: string, value: unknown): Query {
  if (operator === 'gte' && typeof value === 'number') return range(path, { $gte: band(value + 9) }, false)
  if (operator === 'lte' && typeof value === 'number') return range(path, { $lte: band(value) + 9 }, false)
  const decades = valuesOf(path, operator, value).filter((year) => typeof year === 'number' && band(year) === year)
  return anyOf(decades.map((year) => range(path, { $gte: Number(year), $lte: Number(year) + 9 }, false)))
}

/** A region is two characters long, whatever stands behind them. */
function onRegion(path: string, operator: string, value: unknown): Query {
  if (operator === 'startsWith' && typeof value === 'string') return [...value].length <= 2 ? startsWith(path, value, false) : never
  const regions = valuesOf(path, operator, value).filter((text) => typeof text === 'string' && [...text].length === 2)
  return anyOf(regions.map((text) => startsWith(path, String(text), false)))
}

function valuesOf(path: string, operator: string, value: unknown): (string | number | boolean)[] {
  const values: unknown[] = operator === 'eq' ? [value] : operator === 'in' && Array.isArray(value) ? value : []
  const plain = values.filter((one) => typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean')
  if (plain.length === 0 || plain.length !== values.length) throw refused(path)
  return plain
}

function listOf(name: string, value: unknown): CustomerFilter[] {
  if (!Array.isArray(value) || value.length === 0) throw refused(name)
  return value
}

const isCondition = (value: unknown): value is StringCondition | IntCondition | BooleanCondition => typeof value === 'object' && value !== null

const refused = (field: string): EntenteError => new EntenteError('BAD_USER_INPUT', { filter: field }, { field: `filter.${field}` })
