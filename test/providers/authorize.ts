import { createHash, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'

export const verifier = 'a-verifier-of-forty-three-characters-or-more'
export const challenge = createHash('sha256').update(verifier).digest('base64url')

/** Opens an authorization URL as a browser would, but stays where it is told to go. */
export async function authorize(endpoint: string, members: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(`${endpoint}?${new URLSearchParams({ response_type: 'code', state: 'the-state', ...members }).toString()}`, { redirect: 'manual' })
}

/** Where a redirect leads, and what it carries. */
export function callbackOf(response: Response): URL {
  const location = response.headers.get('location')
  if (location === null) throw new Error(`no redirect, but ${response.status}`)
  return new URL(location)
}

/** The members of a form_post page. */
export async function formOf(response: Response): Promise<Readonly<Record<string, string>>> {
  const html = await response.text()
  return Object.fromEntries(
    Array.from(html.matchAll(/name="([^"]+)" value="([^"]*)"/g), ([, name = '', value = '']) => [
      name,
      value.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#39;', "'").replaceAll('&amp;', '&'),
    ]),
  )
}

export async function post(
  endpoint: string,
  form: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: unknown }> {
  const response = await fetch(endpoint, { method: 'POST', body: new URLSearchParams(form) })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const applePublicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** A client secret as Apple wants it, with something changed. */
export async function appleSecret(
  audience: string,
  changed: { sub?: string; aud?: string; lifetime?: number; key?: typeof pair.privateKey } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({
    iss: 'DEMOTEAM01',
    sub: changed.sub ?? 'example.entente.web',
    aud: changed.aud ?? audience,
    iat: now - 30,
    exp: now - 30 + (changed.lifetime ?? 300),
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'DEMOKEY001' })
    .sign(changed.key ?? pair.privateKey)
}
