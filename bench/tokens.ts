import { randomUUID } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { accessTokenAlgorithm, openSigningKeys } from '../src/access/signing-keys.ts'
import { subjects } from '../src/access/subjects.ts'
import { openMongo } from '../src/storage/mongo.ts'
import { keyStore } from '../src/storage/keys.ts'
import { databases, inDatabase } from './databases.ts'
import { people } from './people.ts'

/** Of all gateways that are measured: one token is good at each of them, wherever it listens. */
export const publicUrl = 'http://localhost:4999'
export const secret = 'known to everybody, only for benchmarks'

export interface Tokens {
  /** By number of the person. */
  readonly ofPeople: readonly string[]
  readonly ofTool: string
  /** What the shop calls each person. */
  readonly idsInShop: readonly string[]
  /** What the marketing tool calls them. */
  readonly idsInTool: readonly string[]
}

/** Access tokens as the gateway itself would give them out (RFC 9068), signed with its own key out of its own database. */
export async function openMint(uri: string) {
  const db = await openMongo(uri)
  const store = keyStore(db, { current: secret })
  const keys = await openSigningKeys(store, () => new Date())
  const ids = subjects(await store.obtain('subject/1'))
  const { kid, key } = keys.current().accessTokenSigner
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT({ issued_ms: Date.now(), jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg: accessTokenAlgorithm, kid, typ: 'at+jwt' })
      .setIssuer(`${publicUrl}/oidc`)
      .setAudience(`${publicUrl}/graphql`)
      .setIssuedAt()
      .setExpirationTime('3h') // a real one ends after ten minutes, which is shorter than the whole run
      .sign(key)
  return {
    /** The public key, for a server that checks tokens by itself. */
    verifier: async () => JSON.stringify({ ...(await exportJWK(keys.current().verifiers.get(kid)?.key ?? key)), alg: accessTokenAlgorithm }),
    /** What a client calls customers. */
    idsAt: (client: string, of: readonly { readonly key: string }[]) =>
      ids.outward(
        client,
        of.map((person) => person.key),
      ),
    ofPerson: (client: string, id: string, n: number, scope = 'openid purpose:order_processing purpose:personalised_shop') =>
      sign({ sub: id, client_id: client, scope, grant: `bench-${n}`, auth_time: Math.floor(Date.now() / 1000) }),
    ofTool: (client: string, scope: string) => sign({ sub: client, client_id: client, scope }),
    [Symbol.asyncDispose]: () => db.close(),
  }
}

export type Mint = Awaited<ReturnType<typeof openMint>>

export async function mintTokens(uri: string): Promise<Tokens> {
  await using mint = await openMint(inDatabase(uri, databases.ours))
  const idsInShop = mint.idsAt('storefront', people)
  return {
    ofPeople: await Promise.all(idsInShop.map((id, n) => mint.ofPerson('storefront', id, n))),
    ofTool: await mint.ofTool('marketing', 'purpose:email_marketing purpose:personalised_ads'),
    idsInShop,
    idsInTool: mint.idsAt('marketing', people),
  }
}
