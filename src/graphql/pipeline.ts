import { getVariableValues, Kind, type ExecutionResult, type GraphQLError, type GraphQLSchema } from 'graphql'
import { dataSubjectAccess, type Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { carriesGpc } from '../consent/gpc.ts'
import { planOf, type Plan } from '../consent/plan.ts'
import { newReport, type Report } from '../consent/report.ts'
import { EntenteError } from '../errors.ts'
import type { Caller, RequestFacts } from '../operation.ts'
import { limitCost } from './cost.ts'
import type { Invalid, Prepared, PreparedDocuments } from './documents.ts'
import { invalidQuery } from './invalid-query.ts'
import { outward, refusal, type ReportDefect } from './mask-errors.ts'
import type { Operation, ResolverParts } from './operation-context.ts'
import type { RateLimits } from './rate-limits.ts'
import type { GraphqlHttp, GraphqlRequest } from './request.ts'
import { checkVariables } from './values.ts'

export interface GraphqlParts {
  readonly schema: GraphQLSchema
  readonly classification: Classification
  readonly policy: Policy
  readonly callerOf: (authorization: string | undefined) => Promise<Caller | null>
  /** Who may see the schema: introspection, `_service`, and validation messages as they are. */
  readonly mayReadSchema: (caller: Caller) => boolean
  /** A browser's Global Privacy Control, in a request with this caller's token. */
  readonly heedGpc: (caller: Caller) => Promise<void>
  readonly rates: Pick<RateLimits, 'admit' | 'admitLogin'>
  readonly audit: (operation: Operation) => Promise<void>
  /** Counts what the gate decided: by purpose and outcome, nobody by name. */
  readonly count: (report: Report) => void
  readonly resolvers: ResolverParts
  readonly report: ReportDefect
}

/** A request that may run. */
export interface Admitted {
  readonly prepared: Prepared
  /** Whether the caller may see what the query asks of the schema itself. */
  readonly maySeeSchema: boolean
  /** Coerced. */
  readonly variables: Readonly<Record<string, unknown>>
  readonly operation: Operation
  /** Settled when it stands in the audit log who was given what: nothing may leave the house before. */
  noted: Promise<void>
}

type Variables = Readonly<Record<string, unknown>>

/** The way of a request up to its execution. Whatever refuses it does so before anything is read. */
export async function admit(parts: GraphqlParts, documents: PreparedDocuments, http: GraphqlHttp, request: GraphqlRequest): Promise<Admitted> {
  try {
    checkVariables(request.variables) // BAD_USER_INPUT
    const document = documents.prepare(request.query, request.operationName) // parse, limits, validate, compile: QUERY_TOO_COSTLY BAD_USER_INPUT
    const caller = await parts.callerOf(one(http.headers['authorization'])) // UNAUTHENTICATED
    const prepared = fitting(parts, document, request, caller) // GRAPHQL_PARSE_FAILED GRAPHQL_VALIDATION_FAILED
    const variables = coerced(parts, prepared, request.variables) // BAD_USER_INPUT
    limitCost(prepared.cost, variables) // QUERY_TOO_COSTLY, each request anew
    await limitRate(parts, prepared, caller, http.ip) // RATE_LIMITED
    if (caller !== null && carriesGpc(http.headers['sec-gpc'])) await parts.heedGpc(caller) // an objection, before anything is read
    const plan = planFor(parts, prepared, variables) // once per query: fields → projection, masks
    const maySeeSchema = !prepared.asksSchema || trusted(parts, caller)
    return { prepared, maySeeSchema, variables, operation: newOperation(parts, caller, plan, http), noted: Promise.resolve() }
  } catch (error) {
    throw refusal(error, parts.report)
  }
}

/** The way from there to the answer. Resolvers see views only; what was withheld or reduced is said beside the data. */
export async function answer(parts: GraphqlParts, admitted: Admitted): Promise<ExecutionResult> {
  const { prepared, maySeeSchema, variables, operation } = admitted
  if (!maySeeSchema) return schemaHidden(parts, prepared)
  const result = await prepared.run(undefined, operation, variables) // compiled; reads are joined, documents become views
  const errors = result.errors?.map((error) => outward(error, parts.report, error.path))
  const ended = errors?.find((error) => error.extensions['code'] === 'UNAUTHENTICATED')
  if (ended) throw refusal(ended, parts.report) // an ended token ends the whole operation
  admitted.noted = parts.audit(operation) // who was given what, and for what
  admitted.noted.catch(() => {}) // looked at before anything is given; until then a failure must not end the process
  parts.count(operation.report) // gate decisions, for the metrics
  return withExtensions(result.data, errors, operation)
}

function fitting(parts: GraphqlParts, document: Prepared | Invalid, request: GraphqlRequest, caller: Caller | null): Prepared {
  if ('invalid' in document) throw invalidQuery(document.invalid, request.query, trusted(parts, caller))
  return document
}

/** A type asked for by name is not there for strangers, like any name that does not exist; more than that is refused. */
function schemaHidden(parts: GraphqlParts, { operation }: Prepared): ExecutionResult {
  const { selections } = operation.selectionSet
  const keys = selections.flatMap((node) => (node.kind === Kind.FIELD && node.name.value === '__type' ? [node.alias?.value ?? node.name.value] : []))
  if (keys.length < selections.length) return { data: null, errors: [outward(new EntenteError('FORBIDDEN'), parts.report)] }
  return { data: Object.fromEntries(keys.map((key) => [key, null])) }
}

const trusted = (parts: GraphqlParts, caller: Caller | null): boolean => caller !== null && parts.mayReadSchema(caller)

function coerced(parts: GraphqlParts, { operation }: Prepared, given: Variables): Variables {
  if (!operation.variableDefinitions?.length) return {}
  const { coerced: values, errors } = getVariableValues(parts.schema, operation.variableDefinitions, given, { maxErrors: 1 })
  if (values) return values
  throw new EntenteError('BAD_USER_INPUT', { why: 'variables' }, { field: variableOf(errors[0]) })
}

/** Which variable it was, by the name that the caller gave it; never what was in it. */
function variableOf(error: GraphQLError | undefined): string {
  const node = error?.nodes?.[0]
  return node && 'variable' in node ? `$${node.variable.name.value}` : 'variables'
}

async function limitRate(parts: GraphqlParts, prepared: Prepared, caller: Caller | null, ip: string): Promise<void> {
  parts.rates.admit(caller, ip)
  if (prepared.logins > 0) await parts.rates.admitLogin(ip, prepared.logins)
}

const mostPlans = 64

function planFor({ schema, classification }: GraphqlParts, prepared: Prepared, variables: Variables): Plan {
  const key = prepared.switches.map((name) => (variables[name] === true ? '1' : '0')).join('')
  const known = prepared.plans.get(key)
  if (known) return known
  const plan = planOf({ schema, classification, document: prepared.document, operation: prepared.operation, variables })
  if (prepared.plans.size < mostPlans) prepared.plans.set(key, plan)
  return plan
}

function newOperation(parts: GraphqlParts, caller: Caller | null, plan: Plan, http: GraphqlHttp): Operation {
  const toThePerson = caller !== null && (caller.purposes & dataSubjectAccess) !== 0
  return {
    caller,
    plan,
    report: newReport(toThePerson),
    shown: { customers: new Set(), sites: new Set(), missed: new Set() },
    request: factsOf(http),
    parts: parts.resolvers,
  }
}

const factsOf = ({ ip, headers }: GraphqlHttp): RequestFacts => ({
  ip,
  locale: one(headers['accept-language']) ?? null,
  userAgent: one(headers['user-agent']) ?? null,
})

const one = (header: string | string[] | undefined): string | undefined => (typeof header === 'string' ? header : header?.[0])

function withExtensions(data: ExecutionResult['data'], errors: readonly GraphQLError[] | undefined, { report }: Operation): ExecutionResult {
  const withheld = report.withheld()
  const reduced = report.reduced()
  return {
    ...(errors ? { errors } : {}),
    ...(data === undefined ? {} : { data }),
    ...(withheld.length + reduced.length > 0
      ? { extensions: { ...(withheld.length > 0 ? { withheld } : {}), ...(reduced.length > 0 ? { reduced } : {}) } }
      : {}),
  }
}
