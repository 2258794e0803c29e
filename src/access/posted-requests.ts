import type { KoaContextWithOIDC } from 'oidc-provider'

/** Bytes. As a query it must pass for a request line. */
const longestForm = 8_192

/**
 * A request that comes to a page as a posted form (OpenID Connect Core 1.0, 3.1.2.1; RP-Initiated Logout 1.0, 2) is asked again as a
 * query: a form posted from a shop's site brings none of our cookies, since they are Lax, and the browser's own next step does.
 */
export async function askAsQuery(ctx: KoaContextWithOIDC, url: string): Promise<void> {
  const form = ctx.is('application/x-www-form-urlencoded') === false ? null : await boundedText(ctx.req)
  if (form === null) return ctx.throw(400)
  ctx.status = 303
  ctx.set('location', `${url}?${new URLSearchParams(form)}`)
  ctx.body = ''
}

async function boundedText(body: AsyncIterable<Buffer>): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > longestForm) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
