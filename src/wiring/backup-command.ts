import { createReadStream, createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { readConfig, type Config } from '../config/env.ts'
import type { CustomerKey } from '../operation.ts'
import { backupLines, isUntouched, restoreLines } from '../storage/backup.ts'
import { customerKeyStore } from '../storage/customer-keys.ts'
import { deriveKey, keyStore, seal, unseal } from '../storage/keys.ts'
import { openMongo } from '../storage/mongo.ts'

const keyLine = z.strictObject({ customer: z.string(), sealed: z.string().nullable() })
const usage = 'npm run backup -- make DATA-FILE KEYS-FILE | restore DATA-FILE KEYS-FILE'

/**
 * `npm run backup`. What is about people lies in the data file under a key for each of them. Keys lie in a file of their own, of which only the
 * newest is kept: with it, an old data file no longer says anything of who was erased since. Restores into an empty database only.
 */
export async function backupCommand(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const [what, dataFile, keysFile, ...more] = args
  if (dataFile === undefined || keysFile === undefined || more.length > 0 || (what !== 'make' && what !== 'restore')) throw new Error(usage)
  const config = readConfig(env)
  const db = await openMongo(config.mongoUri)
  const keyed = async () => customerKeyStore(db, await keyStore(db, secretsOf(config)).obtain('customer-keys/1'))
  try {
    if (what === 'make') {
      const keys = await keyed()
      await written(dataFile, backupLines(db, keys))
      await written(keysFile, keyLines(keys.all(), fileKey(config.secret)))
      return `Written: ${dataFile}, and ${keysFile}, which replaces every older one.\n`
    }
    if (!(await isUntouched(db))) throw new Error('There is data already: restore into a database that no gateway has used.')
    const keys = await readKeys(keysFile, config)
    const { restored, unreadable } = await restoreLines(db, linesOf(dataFile), (customer) => keys.get(customer) ?? null)
    await (await keyed()).putBack(keys)
    return `Restored ${restored} rows; ${unreadable} of people who are erased stay unreadable.\n`
  } finally {
    await db.close()
  }
}

const secretsOf = ({ secret, previousSecret }: Config) => ({ current: secret, ...(previousSecret !== undefined && { previous: previousSecret }) })
const fileKey = (secret: string): Buffer => deriveKey(secret, 'backup keys')

async function* keyLines(keys: AsyncIterable<readonly [CustomerKey, Buffer | null]>, under: Buffer): AsyncGenerator<string> {
  for await (const [customer, key] of keys)
    yield JSON.stringify({ customer, sealed: key === null ? null : seal(under, key, customer) } satisfies z.infer<typeof keyLine>)
}

async function readKeys(file: string, { secret, previousSecret }: Config): Promise<Map<CustomerKey, Buffer | null>> {
  const under = [secret, ...(previousSecret === undefined ? [] : [previousSecret])].map(fileKey)
  const keys = new Map<CustomerKey, Buffer | null>()
  for await (const line of linesOf(file)) {
    const { customer, sealed } = keyLine.parse(JSON.parse(line))
    const key = sealed === null ? null : (under.map((one) => unseal(one, sealed, customer)).find((one) => one !== null) ?? undefined)
    if (key === undefined) throw new Error('The keys cannot be opened: ENTENTE_SECRET is not the one they were written with.')
    keys.set(customer, key)
  }
  return keys
}

/** Whole or not at all: an old file is replaced by a finished one. */
async function written(file: string, lines: AsyncIterable<string>): Promise<void> {
  const unfinished = `${file}.unfinished`
  await pipeline(
    Readable.from(lines).map((line: string) => `${line}\n`),
    createWriteStream(unfinished, { mode: 0o600 }),
  )
  await rename(unfinished, file)
}

const linesOf = (file: string): AsyncIterable<string> => createInterface({ input: createReadStream(file), crlfDelay: Infinity })
