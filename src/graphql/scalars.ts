import { GraphQLError, GraphQLScalarType, Kind } from 'graphql'

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** RFC 3339; sent in UTC with milliseconds, accepted with any offset. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'A moment as RFC 3339 writes it, in UTC: 2026-05-04T09:30:00.000Z',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize(value) {
    if (value instanceof Date) return value.toISOString()
    throw new GraphQLError('Not a moment.')
  },
  parseValue: (value) => moment(value),
  parseLiteral: (node) => moment(node.kind === Kind.STRING ? node.value : null),
})

function moment(value: unknown): Date {
  if (typeof value === 'string' && value.length <= 40 && rfc3339.test(value)) {
    const date = new Date(value)
    if (!Number.isNaN(date.getTime())) return date
  }
  throw new GraphQLError('A moment is written like 2026-05-04T09:30:00Z.')
}
