import { Kind, Lexer, Source, TokenKind, type DocumentNode, type SelectionNode, type SelectionSetNode } from 'graphql'
import { EntenteError } from '../errors.ts'

/** Generous for a page of a shop, small for a machine that wants to harm. Answers never name them. */
export const limits = {
  bodyBytes: 64 * 1024,
  tokens: 2_000,
  /** Brackets of any kind inside one another: the parser calls itself for each. */
  brackets: 100,
  depth: 12,
  introspectionDepth: 24,
  /** Fields of the whole operation, a fragment counted wherever it is spread. */
  fields: 600,
  /** Fields of one selection set, fragments flattened: validation compares each with each. */
  fieldsOfOneSet: 250,
  rootFields: 20,
  aliases: 30,
  directives: 50,
} as const

interface Size {
  readonly depth: number
  readonly introspectionDepth: number
  readonly fields: number
  readonly flat: number
  readonly aliases: number
  readonly directives: number
}

const nothing: Size = { depth: 0, introspectionDepth: 0, fields: 0, flat: 0, aliases: 0, directives: 0 }

const opening = new Set<string>([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing = new Set<string>([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/** Refuses a text by its words and brackets, before it is parsed. What cannot be read is left to the parser to complain of. QUERY_TOO_COSTLY */
export function limitText(text: string): void {
  const lexer = new Lexer(new Source(text))
  let open = 0
  for (let tokens = 0; ; tokens++) {
    const kind = nextKind(lexer)
    if (kind === null || kind === TokenKind.EOF) return
    if (opening.has(kind)) open += 1
    else if (closing.has(kind)) open -= 1
    if (tokens > limits.tokens) throw tooCostly('tokens')
    if (open > limits.brackets) throw tooCostly('brackets')
  }
}

function nextKind(lexer: Lexer): string | null {
  try {
    return lexer.advance().kind
  } catch {
    return null
  }
}

/**
 * Refuses a document by its expanded size, before validation and before anything walks it: each fragment is measured once, so a text of
 * a kilobyte that unfolds to millions of fields costs microseconds. Follows no type, so it holds for invalid documents too.
 * QUERY_TOO_COSTLY; also for fragments that spread themselves.
 */
export function limitDocument(document: DocumentNode): void {
  const measure = measurer(document)
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      measure.fragment(definition.name.value)
    } else if (definition.kind === Kind.OPERATION_DEFINITION) {
      const size = measure.set(definition.selectionSet)
      if (size.depth > limits.depth) throw tooCostly('depth')
      if (size.flat > limits.rootFields) throw tooCostly('rootFields')
    } else {
      throw new EntenteError('BAD_USER_INPUT', { why: 'not an operation' })
    }
  }
}

function measurer(document: DocumentNode) {
  const fragments = new Map<string, SelectionSetNode>()
  for (const one of document.definitions) {
    if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one.selectionSet)
  }
  const known = new Map<string, Size | 'open'>()

  function fragment(name: string): Size {
    const before = known.get(name)
    if (before === 'open') throw tooCostly('cycle')
    const selections = fragments.get(name)
    if (before !== undefined || selections === undefined) return before ?? nothing
    known.set(name, 'open')
    const size = set(selections)
    known.set(name, size)
    return size
  }

  function set(selections: SelectionSetNode): Size {
    let sum = nothing
    for (const selection of selections.selections) sum = plus(sum, one(selection))
    return within(sum)
  }

  function one(selection: SelectionNode): Size {
    const directives = selection.directives?.length ?? 0
    if (selection.kind !== Kind.FIELD) {
      const inner = selection.kind === Kind.FRAGMENT_SPREAD ? fragment(selection.name.value) : set(selection.selectionSet)
      return { ...inner, directives: inner.directives + directives }
    }
    const inner = selection.selectionSet ? set(selection.selectionSet) : nothing
    const asksSchema = selection.name.value === '__schema' || selection.name.value === '__type'
    return {
      depth: asksSchema ? 1 : inner.depth + 1,
      introspectionDepth: asksSchema ? inner.depth : inner.introspectionDepth,
      fields: inner.fields + 1,
      flat: 1,
      aliases: inner.aliases + (selection.alias ? 1 : 0),
      directives: inner.directives + directives,
    }
  }

  return { fragment, set }
}

function plus(a: Size, b: Size): Size {
  return {
    depth: Math.max(a.depth, b.depth),
    introspectionDepth: Math.max(a.introspectionDepth, b.introspectionDepth),
    fields: a.fields + b.fields,
    flat: a.flat + b.flat,
    aliases: a.aliases + b.aliases,
    directives: a.directives + b.directives,
  }
}

function within(size: Size): Size {
  // Inside `__schema` the depth is that of introspection; which of the two it is shows only further out, so the larger bound holds here.
  if (size.depth > limits.introspectionDepth || size.introspectionDepth > limits.introspectionDepth) throw tooCostly('depth')
  if (size.fields > limits.fields) throw tooCostly('fields')
  if (size.flat > limits.fieldsOfOneSet) throw tooCostly('fieldsOfOneSet')
  if (size.aliases > limits.aliases) throw tooCostly('aliases')
  if (size.directives > limits.directives) throw tooCostly('directives')
  return size
}

/** Which limit it was is for the log only. */
export function tooCostly(limit: string): EntenteError {
  return new EntenteError('QUERY_TOO_COSTLY', { limit })
}
