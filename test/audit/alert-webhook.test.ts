import { createServer } from 'node:http'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { withTotp } from '../support/signing-in.ts'
import { startShop, type Shop } from '../support/shop.ts'

/** Somebody's alarm centre: down at first, up from then on. */
const heard: { readonly type: string | undefined; readonly body: string }[] = []
let asked = 0
const centre = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    asked++
    if (asked > 1) heard.push({ type: request.headers['content-type'], body: Buffer.concat(parts).toString() })
    response.writeHead(asked > 1 ? 204 : 503).end()
  })
})

let shop: Shop
beforeAll(async () => {
  await new Promise<void>((resolve) => centre.listen(0, '127.0.0.1', resolve))
  const address = centre.address()
  const webhook = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/alerts`
  const POLICY_FILE = join(await mkdtemp(join(tmpdir(), 'entente-policy-')), 'policy.yaml')
  await writeFile(POLICY_FILE, `${await readFile('demo/policy.yaml', 'utf8')}\nalerts: { webhook: '${webhook}', rules: { guesses: { times: 3 } } }\n`)
  shop = await startShop({ env: { POLICY_FILE } })
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  centre.closeAllConnections()
  centre.close()
})

test('an alert is posted once it can be, signed for all to check, and names no customer', { timeout: 60_000 }, async () => {
  const { accessToken } = await shop.signIn('google', { as: 'anna', client: 'account' })
  await withTotp(shop, accessToken)
  const guess = 'mutation { completeStepUp(action: "unlinkIdentity", proof: { totp: "000000" }) }'
  for (let n = 0; n < 3; n++) await shop.graphql(guess, {}, accessToken)

  await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 45_000, interval: 100 })
  expect(heard[0]?.type).toBe('application/jwt')
  const keys = createRemoteJWKSet(new URL(`${shop.url}/oidc/jwks`))
  const { payload } = await jwtVerify(heard[0]?.body ?? '', keys, { issuer: `${shop.url}/oidc`, typ: 'alert+jwt' })
  expect(payload).toMatchObject({ event: 'alert', rule: 'guesses', subject: 'customer', categories: [] })
  const operator = await shop.tool('operator', 'audit:read')
  const { data } = await shop.graphql('{ alerts(open: true) { edges { node { id } } } }', {}, operator)
  expect(data.alerts.edges).toEqual([{ node: { id: payload.jti } }])
  const [anna] = await shop.db.collection<{ _id: string }>('customers').find().toArray()
  for (const value of [anna?._id ?? '?', 'anna.demo@gmail.com']) expect(JSON.stringify(payload)).not.toContain(value)
})
