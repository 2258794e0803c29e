import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ProvidersError, readProviders } from '../broker/providers-file.ts'
import { ClientsError, knownSecrets, readClients, type Client } from '../config/clients.ts'
import type { Config } from '../config/env.ts'
import { PolicyError } from '../config/policy-source.ts'
import { readOperators, type Operator } from '../config/operators.ts'
import { readPolicy, type Policy } from '../config/policy.ts'

/** The files that say by which rules the house runs, as they were read at one time. */
export interface RuleTexts {
  readonly policy: string
  readonly clients: string
  /** Null where none is configured. */
  readonly providers: string | null
}

export interface Rules {
  readonly policy: Policy
  readonly clients: readonly Client[]
  readonly operators: readonly Operator[]
  readonly further: ReturnType<typeof readProviders>
}

export async function readTexts({ policyFile, clientsFile, providersFile }: Config): Promise<RuleTexts> {
  const text = (file: string) => readFile(file, 'utf8')
  return { policy: await text(policyFile), clients: await text(clientsFile), providers: providersFile === undefined ? null : await text(providersFile) }
}

/** What the files say now. Throws what `rulesIn` throws. */
export async function readRules(config: Config): Promise<{ readonly texts: RuleTexts; readonly rules: Rules }> {
  const texts = await readTexts(config)
  return { texts, rules: rulesIn(texts, config) }
}

/** The client that is the page for operators. */
const operatorPage = 'operators'

/** Of the texts together, so that a refusal can be named. */
export const digestOf = (texts: RuleTexts): string => createHash('sha256').update(JSON.stringify(texts)).digest('hex')

/** What is wrong with rules, a line each; null for an error that is about something else. */
export const problemsIn = (error: unknown): readonly string[] | null =>
  error instanceof PolicyError || error instanceof ClientsError || error instanceof ProvidersError ? error.problems : null

/** The rules of these texts, all of them or none. Throws `PolicyError`, `ClientsError` or `ProvidersError`. */
export function rulesIn(texts: RuleTexts, config: Config): Rules {
  const policy = readPolicy(texts.policy, config.policyFile)
  const clients = readClients(texts.clients, config.clientsFile, policy).map((client) => withOwnPages(client, config.publicUrl))
  const known = config.loopback ? [] : knownSecrets(clients)
  if (known.length > 0) throw new ClientsError(known)
  const operators = readOperators(texts.clients, config.clientsFile)
  return { policy, clients, operators, further: texts.providers === null ? [] : readProviders(texts.providers, config.providersFile ?? '') }
}

/** The pages of this house are where it is, so their registrations need not say so. */
function withOwnPages(client: Client, publicUrl: string): Client {
  if (client.id === operatorPage) return { ...client, redirectUris: [...client.redirectUris, `${publicUrl}/operator/callback`] }
  if (client.id !== 'account') return client
  return {
    ...client,
    redirectUris: [...client.redirectUris, `${publicUrl}/account/callback`],
    postLogoutRedirectUris: [...client.postLogoutRedirectUris, `${publicUrl}/account/signed-out`],
  }
}
