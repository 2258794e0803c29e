import type { Server } from 'node:http'
import * as oidc from 'openid-client'
import { listen, type Handler } from '../app.ts'
import { ask } from '../graphql.ts'
import { audienceDesk } from './audiences.ts'
import { look, overview, tools, type Customers, type Tool } from './pages.ts'

export interface MarketingOptions {
  readonly port: number
  /** Base URL of Entente. */
  readonly gateway: string
}

const customersQuery = `query ($after: String) { customers(first: 20, after: $after) {
  totalCount
  edges { node { id email givenName familyName birthYear postcode traits { favouriteColours newsletterRhythm } } }
  pageInfo { hasNextPage endCursor }
} }`

/** A marketing tool: no person signs in to it, it acts on its own with a secret (RFC 6749, 4.4), for one purpose. */
export async function startMarketing({ port, gateway }: MarketingOptions): Promise<Server> {
  const tokenOf = new Map(tools.map((tool) => [tool.clientId, tokenSource(gateway, tool)]))
  const tokenFor = async (clientId: string) => (await tokenOf.get(clientId)?.()) ?? ''
  const show =
    (tool: Tool): Handler =>
    async (url) => {
      const result = await ask<{ customers: Customers }>(gateway, await tokenFor(tool.clientId), customersQuery, { after: url.searchParams.get('after') })
      return { body: overview(tool, result, url.searchParams.has('after')) }
    }
  const lists = Object.fromEntries(tools.map((tool) => [tool.path, show(tool)]))
  return listen(port, look, { ...lists, ...audienceDesk(gateway, () => tokenFor('marketing')) })
}

/** A token until shortly before it ends, then the next. */
function tokenSource(gateway: string, { clientId, secret }: Tool): () => Promise<string> {
  let held: { readonly token: string; readonly until: number } | undefined
  return async () => {
    if (held && held.until > Date.now()) return held.token
    const entente = await oidc.discovery(new URL(`${gateway}/oidc`), clientId, undefined, oidc.ClientSecretBasic(secret), {
      execute: [oidc.allowInsecureRequests],
    })
    const granted = await oidc.clientCredentialsGrant(entente)
    held = { token: granted.access_token, until: Date.now() + ((granted.expiresIn() ?? 60) - 30) * 1000 }
    return held.token
  }
}
