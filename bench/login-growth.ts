import { randomBytes } from 'node:crypto'
import { MongoClient, type Db } from 'mongodb'
import type { CustomerRow } from '../src/storage/customers.ts'
import type { EmailRow } from '../src/storage/emails.ts'
import type { IdentityRow } from '../src/storage/identities.ts'
import { startChild, type Child } from './child.ts'
import { inDatabase } from './databases.ts'
import { logIn, rateOf } from './login-client.ts'
import { gatewayHouse, regulars } from './logins.ts'
import { startOurs } from './ours.ts'
import { customerRow, personOf } from './people.ts'
import { rowOf, type Pair, type Row } from './report.ts'

const sizes = { ours: 1_000_000, peer: 1_000 } as const
const batch = 5_000
const seconds = 4

/**
 * Milliseconds of a login in a house of a million customers ("ours") to one in a house of a thousand ("peer"), for people who have been
 * there before. The rest of the crowd is written past the gateway, in the form it keeps them.
 */
export async function loginGrowth(uri: string, rounds: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const google = stack.use(await startChild('peers/google.js', {}))
  const open = async (side: keyof typeof sizes): Promise<() => Promise<number>> => {
    const own = inDatabase(uri, `bench_growth_${side}`)
    stack.defer(() => inDatabaseOf(own, async (db) => void (await db.dropDatabase())))
    const gateway = stack.use(await startGateway(own, google.port))
    const house = gatewayHouse(gateway.port, 'google', (person) => `gmail-${person}`)
    await rateOf((run) => logIn(house, run), { count: regulars })
    await inDatabaseOf(own, (db) => crowdInto(db, sizes[side] - regulars))
    return async () => 1000 / (await rateOf((run) => logIn(house, run % regulars), { deadline: performance.now() + seconds * 1000 }))
  }
  const [many, few] = [await open('ours'), await open('peer')]
  await many()
  await few()
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++) pairs.push({ ours: await many(), peer: await few() })
  return rowOf('login-growth', 'ms/login', pairs)
}

const startGateway = (uri: string, googlePort: number): Promise<Child> =>
  startOurs(uri, {
    TRUSTED_PROXIES: '127.0.0.1',
    GOOGLE_CLIENT_ID: 'entente-demo.apps.example',
    GOOGLE_CLIENT_SECRET: 'google-demo-secret',
    GOOGLE_BASE_URL: `http://127.0.0.1:${googlePort}`,
    MONGODB_URI: uri,
  })

export async function inDatabaseOf(uri: string, work: (db: Db) => Promise<void>): Promise<void> {
  await using client = await MongoClient.connect(uri)
  await work(client.db())
}

/** Customers with a login and a proved address each; the gateway has made the collections and their indexes. */
export async function crowdInto(db: Db, count: number): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const rows = Array.from({ length: Math.min(batch, count - from) }, (_, n) => customerRow(personOf(from + n)))
    await Promise.all([
      db.collection<CustomerRow>('customers').insertMany(rows, { ordered: false }),
      db.collection<IdentityRow>('identities').insertMany(rows.map(identityOf), { ordered: false }),
      db.collection<EmailRow>('emails').insertMany(rows.map(addressOf), { ordered: false }),
    ])
  }
}

/** In place of a keyed hash, which is as random. */
const hashed = (): string => `1.${randomBytes(32).toString('base64url')}`

const identityOf = ({ _id: customer, createdAt: at }: CustomerRow): IdentityRow => ({
  _id: hashed(),
  customer,
  provider: 'google',
  publicId: customer.slice(0, 12),
  linkedAt: at,
})

const addressOf = ({ _id: customer, createdAt: at }: CustomerRow): EmailRow => ({ _id: hashed(), customer, proof: 'verified', by: 'google', at })
