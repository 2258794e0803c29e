import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import type { Mask } from '../operation.ts'
import { registration, type Registration } from './client-file.ts'
import { dataSubjectAccess, type Policy } from './policy.ts'

export type ClientGrant = Registration['grants'][number]

/** A storefront, a tool or the account centre, as registered. */
export interface Client {
  readonly id: string
  readonly name: string
  readonly authentication: 'none' | 'secret' | 'private_key_jwt'
  readonly secret?: string
  readonly jwks?: NonNullable<Registration['jwks']>
  readonly application: 'web' | 'native'
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  /** How its codes travel; a request cannot choose another way. */
  readonly responseMode: 'query' | 'form_post'
  readonly backchannelLogoutUri?: string
  /** Where it is told of changed decisions about its purposes. */
  readonly webhookUri?: string
  readonly grants: readonly ClientGrant[]
  /** What it may act for by its registration and by the policy; `consent_record` is everybody's and not in here. */
  readonly purposes: Mask
  /** Beyond purposes, such as `audit:read`. */
  readonly scopes: readonly string[]
  /** The house that knows a customer by one id; by default the client alone. */
  readonly sector: string
  /** App ids at each provider whose ID tokens this client's apps may bring. */
  readonly nativeAudiences: Readonly<Record<string, readonly string[]>>
  /** With one of them, events are sent in its name; a browser's is known to everybody, and opens nothing else. */
  readonly writeKeys: readonly string[]
  readonly trustedForIntrospection: boolean
  /** Where its pages may call from (CORS). */
  readonly origins: readonly string[]
}

/** Everything that is wrong with the clients, a line each. */
export class ClientsError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The clients cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ClientsError'
  }
}

const list = z.strictObject({ clients: z.array(z.unknown()), operators: z.unknown().optional() })

/** Reads a clients file (YAML or JSON). Throws `ClientsError`, which lists all problems, each with the client's name. */
export function readClients(text: string, fileName: string, policy: Policy): Client[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const syntax = document.errors.map((error) => `${fileName}:${lines.linePos(error.pos[0]).line}:${lines.linePos(error.pos[0]).col} ${error.message}`)
  if (syntax.length > 0) throw new ClientsError(syntax)
  const file = list.safeParse(document.toJS({ maxAliasCount: 100 }))
  if (!file.success) throw new ClientsError([`${fileName} must have a list named clients, may have one named operators, and nothing else`])
  const problems: string[] = []
  const clients = file.data.clients.flatMap((entry, at) => {
    const read = readClient(entry, policy)
    if ('client' in read) return [read.client]
    problems.push(...read.problems.map((problem) => `${fileName} ${nameOf(entry, at)} ${problem}`))
    return []
  })
  const seen = new Set<string>()
  for (const { id, writeKeys } of clients) {
    if (seen.has(id)) problems.push(`${fileName} client ${id} is there twice`)
    if (writeKeys.some((key) => seen.has(key))) problems.push(`${fileName} client ${id} writeKeys: another client has one of them`)
    for (const name of [id, ...writeKeys]) seen.add(name)
  }
  if (problems.length > 0) throw new ClientsError(problems)
  return clients
}

/** What a public house must not serve, a line each: clients with a secret of the demo. */
export const knownSecrets = (clients: readonly Client[]): string[] =>
  clients.filter(({ secret }) => secret?.endsWith('-demo-secret')).map(({ id }) => `client ${id} has the secret of the demo, which everybody knows`)

/** One registration, wherever it was written. */
export function readClient(entry: unknown, policy: Policy): { readonly client: Client } | { readonly problems: readonly string[] } {
  const parsed = registration.safeParse(entry)
  if (!parsed.success) return { problems: parsed.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'entry'}: ${issue.message}`) }
  const { purposes, sector, secret, jwks, backchannelLogoutUri, webhookUri, ...rest } = parsed.data
  const problems = purposes.flatMap((id) => purposeProblem(id, rest.id, policy))
  if (problems.length > 0) return { problems }
  const client: Client = {
    ...rest,
    ...(secret !== undefined && { secret }),
    ...(jwks !== undefined && { jwks }),
    ...(backchannelLogoutUri !== undefined && { backchannelLogoutUri }),
    ...(webhookUri !== undefined && { webhookUri }),
    purposes: policy.maskOf(purposes),
    sector: sector ?? rest.id,
  }
  return { client: Object.freeze(client) }
}

/** A registration cannot give itself a purpose: the policy names the purpose's clients too. */
function purposeProblem(id: string, client: string, policy: Policy): string[] {
  const purpose = policy.purpose(id)
  if (purpose === undefined || (purpose.builtIn && purpose.mask !== dataSubjectAccess)) return [`purposes: ${id} is no purpose of the policy`]
  return purpose.builtIn || purpose.clients.has(client) ? [] : [`purposes: the policy does not name ${client} among the clients of ${id}`]
}

function nameOf(entry: unknown, at: number): string {
  const id: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'id') : undefined
  return typeof id === 'string' ? `client ${id.slice(0, 64)}` : `client number ${at + 1}`
}

export interface ClientRegistry extends AsyncDisposable {
  find(id: string): Client | undefined
  all(): readonly Client[]
  /** Reads the collection now; otherwise it is read every five seconds. */
  refresh(): Promise<void>
}

export interface RegistryParts {
  readonly file: readonly Client[]
  readonly collection: { readAll(): Promise<readonly { readonly _id: string; readonly registration: Readonly<Record<string, unknown>> }[]> }
  readonly policy: Policy
  /** Registrations in the collection that cannot be used: told once each time they change. */
  readonly unusable: (problems: readonly string[]) => void
}

/** Clients of the file and of the collection in memory. The file wins; an entry that cannot be read is no client. */
export async function clientRegistry(parts: RegistryParts): Promise<ClientRegistry> {
  const fromFile = new Map(parts.file.map((client) => [client.id, client]))
  let clients: ReadonlyMap<string, Client> = fromFile
  let told = ''
  let written = ''

  async function refresh(): Promise<void> {
    const rows = await parts.collection.readAll()
    const now = JSON.stringify(rows)
    if (now === written) return
    written = now
    const problems: string[] = []
    const read = rows.flatMap((row): [string, Client][] => {
      const result = readClient({ ...row.registration, id: row._id }, parts.policy)
      if ('client' in result) return [[row._id, result.client]]
      problems.push(...result.problems.map((problem) => `client ${row._id} ${problem}`))
      return []
    })
    clients = new Map([...read, ...fromFile])
    if (problems.length > 0 && told !== problems.join()) parts.unusable(problems)
    told = problems.join()
  }

  await refresh()
  // While the database is away the clients of before stay: they were valid a moment ago, and nobody else is let in.
  const timer = setInterval(() => void refresh().catch(() => {}), 5_000).unref()
  return {
    find: (id) => clients.get(id),
    all: () => [...clients.values()],
    refresh,
    [Symbol.asyncDispose]: async () => clearInterval(timer),
  }
}
