import { Kind, visit, type DocumentNode } from 'graphql'
import { EntenteError } from '../errors.ts'

const bounds = { depth: 24, values: 5_000, characters: 16_384 } as const

/**
 * Checks what scalars and coercion do not: nesting that would exhaust the stack, numbers beyond a double, NUL and lone surrogates (which
 * cut C strings and break keys in the database), and keys that would reach a prototype. Iterative, since depth is what it guards. BAD_USER_INPUT
 */
export function checkVariables(variables: unknown): void {
  let level: unknown[] = [variables]
  let seen = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > bounds.depth) throw bad('depth')
    const next: unknown[] = []
    for (const value of level) {
      if (++seen > bounds.values) throw bad('values')
      if (typeof value === 'string') checkText(value)
      else if (typeof value === 'number' && !Number.isFinite(value)) throw bad('number')
      else if (Array.isArray(value)) next.push(...value)
      else if (typeof value === 'object' && value !== null) addMembers(value, next)
    }
    level = next
  }
}

function addMembers(value: object, to: unknown[]): void {
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') throw bad('key')
    checkText(key)
    to.push(member)
  }
}

/** The same for what stands in the text of the query, and names that the specification keeps for itself. BAD_USER_INPUT */
export function checkLiterals(document: DocumentNode): void {
  let depth = 0
  const deeper = { enter: () => void (++depth > bounds.depth && refuse('depth')), leave: () => void depth-- }
  visit(document, {
    [Kind.LIST]: deeper,
    [Kind.OBJECT]: deeper,
    [Kind.STRING]: (node) => checkText(node.value),
    [Kind.FLOAT]: (node) => void (Number.isFinite(Number(node.value)) || refuse('number')),
    [Kind.FIELD]: (node) => void (node.alias?.value.startsWith('__') && refuse('name')),
    [Kind.FRAGMENT_DEFINITION]: (node) => void (node.name.value.startsWith('__') && refuse('name')),
    [Kind.OPERATION_DEFINITION]: (node) => void (node.name?.value.startsWith('__') && refuse('name')),
    [Kind.VARIABLE]: (node) => void (node.name.value.startsWith('__') && refuse('name')),
  })
}

function checkText(text: string): void {
  if (text.length > bounds.characters || text.includes('\0') || !text.isWellFormed()) throw bad('text')
}

function refuse(why: string): never {
  throw bad(why)
}

const bad = (why: string): EntenteError => new EntenteError('BAD_USER_INPUT', { value: why })
