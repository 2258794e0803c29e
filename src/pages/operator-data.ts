import { z } from 'zod'
import type { OperatorRole } from '../config/operators.ts'
import { ask } from './ask.ts'
import type { Html } from './html.ts'
import type { View } from './layout.ts'
import type { OperatorParts } from './parts.ts'

const alert = z.object({ id: z.string(), rule: z.string(), subject: z.string(), times: z.number(), firstAt: z.string(), lastAt: z.string() })
const client = z.object({
  id: z.string(),
  name: z.string(),
  purposes: z.array(z.string()),
  scopes: z.array(z.string()),
  redirectUris: z.array(z.string()),
  postLogoutRedirectUris: z.array(z.string()),
  origins: z.array(z.string()),
  changeable: z.boolean(),
})
const change = z.object({
  id: z.string(),
  clientId: z.string(),
  adds: z.array(z.string()),
  removes: z.array(z.string()),
  proposedBy: z.array(z.string()),
  expiresAt: z.string(),
  approvable: z.boolean(),
})
const privacyRequest = z.object({
  id: z.string(),
  kind: z.enum(['ACCESS', 'ERASURE']),
  customerId: z.string(),
  reason: z.string().nullable(),
  dueAt: z.string(),
  overdue: z.boolean(),
})
const overview = z.object({
  alerts: z.object({ edges: z.array(z.object({ node: alert })) }).optional(),
  registeredClients: z.array(client).optional(),
  clientChanges: z.array(change).optional(),
  privacyRequests: z.array(privacyRequest).optional(),
})

export type OpenAlert = z.infer<typeof alert>
export type ShownClient = z.infer<typeof client>
export type WaitingChange = z.infer<typeof change>
export type OpenRequest = z.infer<typeof privacyRequest>

/** An operator at their page, with the roles of this moment; never none. */
export interface AtWork {
  readonly token: string
  readonly roles: ReadonlySet<OperatorRole>
}

/** What the sections of the overview are made from; a list that the roles do not open is empty. */
export interface Overview {
  readonly parts: OperatorParts
  readonly view: View
  readonly roles: ReadonlySet<OperatorRole>
  /** The hidden field of every form. */
  readonly token: Html
  readonly alerts: readonly OpenAlert[]
  readonly clients: readonly ShownClient[]
  readonly changes: readonly WaitingChange[]
  readonly requests: readonly OpenRequest[]
}

export async function readOverview(parts: OperatorParts, { token, roles }: AtWork): Promise<Pick<Overview, 'alerts' | 'clients' | 'changes' | 'requests'>> {
  const [audit, privacy] = [roles.has('audit:read'), roles.has('privacy:handle')]
  const data = await ask(parts, operatorQueries.overview, { audit, privacy, clients: seesClients(roles) }, token)
  const { alerts, registeredClients, clientChanges, privacyRequests } = overview.parse(data)
  return {
    alerts: (alerts?.edges ?? []).map(({ node }) => node),
    clients: registeredClients ?? [],
    changes: clientChanges ?? [],
    requests: privacyRequests ?? [],
  }
}

export const seesClients = (roles: ReadonlySet<OperatorRole>): boolean => roles.has('audit:read') || roles.has('clients:write')

const clientFields = 'id name purposes scopes redirectUris postLogoutRedirectUris origins changeable'

const requestFields = 'id kind customerId reason dueAt overdue'

export const operatorQueries = {
  roles: 'query MyRoles { myRoles }',
  overview: `query Overview($audit: Boolean!, $clients: Boolean!, $privacy: Boolean!) {
  alerts(open: true, first: 50) @include(if: $audit) { edges { node { id rule subject times firstAt lastAt } } }
  registeredClients @include(if: $clients) { ${clientFields} }
  clientChanges(open: true) @include(if: $clients) { id clientId adds removes proposedBy expiresAt approvable }
  privacyRequests(open: true) @include(if: $privacy) { ${requestFields} }
}`,
  clients: `query Clients { registeredClients { ${clientFields} } }`,
  log: `query Log($filter: AuditEventFilter!, $after: String) { auditEvents(filter: $filter, first: 50, after: $after) {
  edges { node { at type clientId actor subjects purposes categories } } pageInfo { hasNextPage endCursor }
} }`,
  acknowledge: 'mutation Acknowledge($id: ID!, $note: String!) { acknowledgeAlert(id: $id, note: $note) { id } }',
  propose: 'mutation Propose($id: ID!, $change: ClientChangeInput!) { proposeClientChange(clientId: $id, change: $change) { id } }',
  createClient: 'mutation CreateClient($input: NewClientInput!) { createClient(input: $input) { id } }',
  approve: 'mutation Approve($id: ID!) { approveClientChange(id: $id) { clientId secret } }',
  requests: `query Requests { privacyRequests(open: true, first: 200) { ${requestFields} } }`,
  openRequest: 'mutation OpenRequest($input: OpenPrivacyRequestInput!) { openPrivacyRequest(input: $input) { id } }',
  closeRequest:
    'mutation CloseRequest($id: ID!, $outcome: PrivacyRequestOutcome!, $answer: String, $confirm: Boolean) { closePrivacyRequest(id: $id, outcome: $outcome, answer: $answer, confirm: $confirm) { id } }',
  lookUp: 'mutation LookUp($input: LookUpInput!) { lookUpCustomer(input: $input) { id since email givenName familyName locale restricted providers } }',
  tryRule: 'query TryRule($rule: String!, $purpose: ID!) { trySegmentRule(rule: $rule, purpose: $purpose) { people among complete } }',
  signOut: 'mutation SignOut { logout }',
} as const

/** The clients that an operator is shown, for a page beside the overview. */
export async function readClientsShown(parts: OperatorParts, token: string): Promise<readonly ShownClient[]> {
  return z.object({ registeredClients: z.array(client) }).parse(await ask(parts, operatorQueries.clients, {}, token)).registeredClients
}

/** The requests that are open, for a page beside the overview. */
export async function readOpenRequests(parts: OperatorParts, token: string): Promise<readonly OpenRequest[]> {
  return z.object({ privacyRequests: z.array(privacyRequest) }).parse(await ask(parts, operatorQueries.requests, {}, token)).privacyRequests
}
