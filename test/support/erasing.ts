import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Db } from 'mongodb'
import { newCanary, type Canary } from './canaries.ts'
import type { Redis } from 'ioredis'

export const erase =
  'mutation ($confirm: Boolean!) { eraseMe(confirm: $confirm) { id requestedAt dueAt completedAt certificate kept { purpose categories until } } }'
export const cancel = 'mutation { cancelErasure }'
export const receiptOf = 'query ($id: ID!) { erasureReceipt(id: $id) { id completedAt certificate } }'

/** Everything that MongoDB and Redis hold of one house, as one text. */
export async function dumpOf(db: Db, redis: Redis, prefix: string): Promise<string> {
  const texts: string[] = []
  for (const { name } of await db.listCollections().toArray()) {
    const rows = await db.collection(name).find({}).toArray()
    texts.push(...rows.map((row) => `${name} ${JSON.stringify(row)}`))
  }
  for (const key of await redis.keys(`${prefix}*`)) {
    const read: Readonly<Record<string, () => Promise<unknown>>> = {
      string: () => redis.get(key),
      hash: () => redis.hgetall(key),
      list: () => redis.lrange(key, 0, -1),
      set: () => redis.smembers(key),
      zset: () => redis.zrange(key, '0', '-1'),
    }
    texts.push(`${key} ${JSON.stringify(await read[await redis.type(key)]?.())}`)
  }
  return texts.join('\n')
}

/** Puts values that occur once in the world wherever something of this person lies, or could lie, in the clear. */
export async function plantCanaries(db: Db, customer: string, person: string): Promise<Canary[]> {
  const canaries: Canary[] = []
  const own = (field: string, wrap = (canary: string) => canary): string => {
    const value = wrap(newCanary())
    canaries.push({ person, field, value })
    return value
  }
  const rows = (name: string) => db.collection<{ _id: string }>(name)
  const at = new Date()
  const soon = new Date(Date.now() + 3_600_000)
  const $set = {
    givenName: own('givenName'),
    familyName: own('familyName'),
    pictureUrl: own('pictureUrl', (canary) => `https://pictures.example/${canary}.png`),
    postcode: own('postcode'),
    country: own('country'),
    traits: { clothingSize: own('traits'), favouriteColours: [own('colours')] },
    sources: { postcode: { from: own('source'), at } },
    'identities.0.email': own('identity', (canary) => `${canary}@elsewhere.example`),
    devices: [{ id: own('device id'), key: own('device key'), agent: own('device'), place: own('place'), firstAt: at, lastAt: at }],
    factors: [{ id: own('factor'), kind: 'recoveryCodes', name: own('passkey'), addedAt: at, left: 8 }],
    endedGrants: [{ grant: own('grant'), until: soon }],
    unknownField: own('unknown field'),
  }
  await rows('customers').updateOne({ _id: customer }, { $set })
  const id = () => randomBytes(9).toString('hex')
  await rows('credentials').insertOne({ _id: `passkey:${own('credential')}`, customer, factor: own('factor'), publicKey: own('public key') } as never)
  await rows('emails').insertOne({ _id: `1:${own('address')}`, customer, proof: 'verified', by: 'google', at } as never)
  await rows('merges').insertOne({ _id: id(), survivor: customer, absorbed: id(), sealed: own('merge'), expiresAt: soon } as never)
  await rows('openid').insertOne({ _id: `Session:${id()}`, customer, sealed: own('session'), expiresAt: soon } as never)
  await rows('jobs').insertOne({ _id: `mail:${own('mail')}`, kind: 'mail', customer, sealed: own('letter'), dueAt: soon, attempts: 0 } as never)
  await rows('guesses').insertOne({ _id: `${customer}/${own('guess')}`, count: 1, expiresAt: soon } as never)
  await rows('exports').insertOne({ _id: id(), customer, client: own('export'), state: 'ready', expiresAt: soon } as never)
  await rows('export_chunks').insertOne({ _id: id(), customer, export: own('chunk'), expiresAt: soon } as never)
  await rows('privacy_requests').insertOne({
    _id: id(),
    kind: 'access',
    customer,
    reason: own('reason'),
    openedAt: at,
    openedBy: 'operator',
    dueAt: soon,
  } as never)
  return canaries
}

/** The demo's policy with something replaced, as a file of its own. */
export async function policyWith(change: (text: string) => string): Promise<string> {
  const text = await readFile(new URL('../../demo/policy.yaml', import.meta.url), 'utf8')
  const file = join(await mkdtemp(join(tmpdir(), 'policy-')), 'policy.yaml')
  await writeFile(file, change(text))
  return file
}
