import { GraphQLError, isValueNode, Kind, Lexer, Source, TokenKind } from 'graphql'
import { HeaderMap } from '@apollo/server'
import { OutwardError } from './mask-errors.ts'

/**
 * What a caller learns of a query that does not parse or does not fit the schema. Trusted callers get the message as it is. Others get
 * it without suggestions, without values, and without any name of the schema that they did not send themselves.
 */
export function invalidQuery(error: GraphQLError, source: string, trusted: boolean): OutwardError {
  const code = error.message.startsWith('Syntax Error') ? 'GRAPHQL_PARSE_FAILED' : 'GRAPHQL_VALIDATION_FAILED'
  return new OutwardError(trusted ? error.message : withoutSchema(error, namesIn(source)), {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    extensions: { code, http: { status: 400, headers: new HeaderMap() } },
  })
}

function withoutSchema(error: GraphQLError, sent: ReadonlySet<string>): string {
  if (error.message.startsWith('Syntax Error')) return 'The query is not written in the GraphQL language.'
  if (error.nodes?.some((node) => isValueNode(node) || node.kind === Kind.OBJECT_FIELD)) return 'A value in the query does not fit its place.'
  return error.message
    .replace(/ ?Did you mean[^]*$/, '')
    .replace(/"([^"]*)"/g, (quoted, name: string) => (sent.has(name.replace(/^[$@]/, '')) ? quoted : '(…)'))
}

function namesIn(text: string): Set<string> {
  const names = new Set<string>()
  const lexer = new Lexer(new Source(text))
  try {
    for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
      if (token.kind === TokenKind.NAME) names.add(token.value)
    }
  } catch {
    // What cannot be read further has no further names.
  }
  return names
}
