import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readProviders } from '../broker/providers-file.ts'
import { readClient, readClients, type Client } from '../config/clients.ts'
import { readReportConfig, type ReportConfig } from '../config/env.ts'
import { readPolicy, type Policy } from '../config/policy.ts'
import { noticeOf } from '../pages/notice.ts'
import { languages } from '../pages/words.ts'
import { recordsAsText, recordsOf, type InOperation } from '../privacy/records.ts'
import { clientStore } from '../storage/clients.ts'
import { customerStore } from '../storage/customers.ts'
import { erasureStore } from '../storage/erasures.ts'
import { openMongo } from '../storage/mongo.ts'
import { privacyRequestStore } from '../storage/privacy-requests.ts'

/** What is wrong with the command line, in a sentence. */
export class UsageError extends Error {}

const usage = 'npm run privacy -- records [--json] | notice --locale de|en'
const day = 86_400_000

/** `npm run privacy`: what it prints. Reads the policy, the clients and, with MONGODB_URI, the running system; changes nothing. */
export async function privacyCommand(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const { positionals, values } = argumentsIn(args)
  const config = readReportConfig(env)
  const policy = readPolicy(await readFile(config.policyFile, 'utf8'), config.policyFile)
  const sources = await sourcesOf(config)
  const { clients, inOperation } = await seenInOperation(config, policy)
  switch (positionals.join(' ')) {
    case 'records': {
      const records = recordsOf({ policy, clients, sources, inOperation, madeAt: new Date() })
      return values.json ? `${JSON.stringify(records, null, 2)}\n` : recordsAsText(records)
    }
    case 'notice': {
      const language = languages.find((one) => one === values.locale)
      if (language === undefined) throw new UsageError(usage)
      return noticeOf({ policy, clients, sources, language })
    }
    default:
      throw new UsageError(usage)
  }
}

function argumentsIn(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, locale: { type: 'string', default: 'en' } },
    })
  } catch {
    throw new UsageError(usage)
  }
}

/** Without any provider configured, the ones that `npm start` simulates. */
async function sourcesOf({ providers, providersFile }: ReportConfig): Promise<string[]> {
  const further = providersFile === undefined ? [] : readProviders(await readFile(providersFile, 'utf8'), providersFile).map(({ name }) => name)
  const all = [...providers, ...further]
  return all.length === 0 ? ['Google', 'Apple', 'Facebook'] : all
}

async function seenInOperation({ mongoUri, clientsFile }: ReportConfig, policy: Policy): Promise<{ clients: Client[]; inOperation: InOperation | null }> {
  const clients = readClients(await readFile(clientsFile, 'utf8'), clientsFile, policy)
  if (mongoUri === undefined) return { clients, inOperation: null }
  const db = await openMongo(mongoUri)
  try {
    const registered = (await clientStore(db).readAll()).map(({ _id: id, registration }) => readClient({ ...registration, id }, policy))
    const usable = registered.flatMap((one) => ('client' in one ? [one.client] : []))
    const now = Date.now()
    const inOperation = {
      customers: await customerStore(db).count({ state: 'active' }, Number.MAX_SAFE_INTEGER),
      erasuresOverdue: await erasureStore(db).overdue(new Date(now - day)),
      requestsOverdue: await privacyRequestStore(db).overdue(new Date(now)),
    }
    return { clients: [...clients.filter(({ id }) => !usable.some((one) => one.id === id)), ...usable], inOperation }
  } finally {
    await db.close()
  }
}
