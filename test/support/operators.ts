import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acrs } from '../../src/access/session-marks.ts'
import { App, atChoice, confirmWith, redeem, withTotp } from './signing-in.ts'
import type { Shop } from './shop.ts'

export const rolesAsked = 'openid audit:read clients:write privacy:handle'

/** The demonstration's policy, in which `letters`, a client of the database, may write newsletters. */
export async function policyWithLetters(more = ''): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'entente-policy-')), 'policy.yaml')
  await writeFile(file, `${(await readFile('demo/policy.yaml', 'utf8')).replaceAll('clients: [marketing]', 'clients: [marketing, letters]')}${more}`)
  return file
}

/** A client that is no client of the file. */
export async function addLetters(shop: Shop, change: Record<string, unknown> = {}): Promise<void> {
  const registration = {
    name: 'Letters',
    authentication: 'secret',
    secret: 'letters-demo-secret',
    grants: ['client_credentials', 'authorization_code'],
    redirectUris: ['https://letters.example/callback', 'https://old.letters.example/callback'],
    purposes: [],
    ...change,
  }
  await shop.db.collection<{ _id: string }>('clients').insertOne({ _id: 'letters', registration } as never)
}

/** A member of the staff of the demonstration (`cem`, or Paula, who is `gmail-1`) with an app for codes; signed in, with the roles that they have. */
export async function operatorAtWork(shop: Shop, as: string) {
  const { accessToken, browser } = await shop.signIn('google', { as, client: 'account' })
  const app = await withTotp(shop, accessToken)
  return { app, browser, token: await roleToken(shop, app, browser), accessToken }
}

/** Another token with roles, from the same browser or another one. */
export async function roleToken(shop: Shop, app: App, browser: Awaited<ReturnType<Shop['signIn']>>['browser']): Promise<string> {
  const way = await atChoice(shop, { browser, client: 'operators', scope: rolesAsked, acr_values: acrs.factor })
  const page = new URL(way.page.url).pathname === '/confirm' ? await confirmWith(browser, way.page, 'totp', app.next()) : way.page
  return (await redeem(shop, way, page)).accessToken
}
