import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { EntenteError, type ErrorCode } from '../errors.ts'
import { readJson, type ProviderHttp } from './provider-http.ts'

/** The app's own key to Graph, and where Graph is. */
export interface GraphParts {
  readonly http: ProviderHttp
  readonly now: () => number
  readonly appId: string
  readonly appSecret: string
  readonly profileUrl: string
  readonly debugUrl: string
}

const profile = z.object({
  id: z.string().regex(/^\d{1,64}$/),
  first_name: z.unknown().optional(),
  last_name: z.unknown().optional(),
  email: z.unknown().optional(),
  picture: z
    .object({ data: z.object({ url: z.unknown().optional(), is_silhouette: z.unknown().optional() }) })
    .optional()
    .catch(undefined),
})
export type GraphProfile = z.infer<typeof profile>

const inspection = z.object({
  data: z.object({
    app_id: z.string(),
    type: z.string(),
    is_valid: z.literal(true),
    expires_at: z.number(),
    user_id: z.string(),
    scopes: z.array(z.string()),
  }),
})

/** The person's profile, for a token that was given to our app and to nobody else. LOGIN_DENIED LOGIN_EXPIRED PROVIDER_UNAVAILABLE */
export async function readProfile(graph: GraphParts, accessToken: string): Promise<GraphProfile> {
  const [said, person] = await Promise.all([
    ask(graph, `${graph.debugUrl}?input_token=${encodeURIComponent(accessToken)}`, `${graph.appId}|${graph.appSecret}`),
    ask(graph, `${graph.profileUrl}?fields=id,first_name,last_name,email,picture`, accessToken),
  ])
  const token = inspection.safeParse(said).data?.data
  const found = profile.safeParse(person)
  if (!found.success) throw new EntenteError('PROVIDER_UNAVAILABLE', { provider: 'facebook', reason: 'profile unreadable' })
  // Anybody's app gets tokens of the same person: /me alone says who, not for whom.
  const isOurs =
    token !== undefined &&
    token.app_id === graph.appId &&
    token.type === 'USER' &&
    token.user_id === found.data.id &&
    (token.expires_at === 0 || token.expires_at * 1000 > graph.now()) &&
    token.scopes.includes('public_profile')
  if (!isOurs) throw new EntenteError('LOGIN_DENIED', { provider: 'facebook', check: 'debug_token' })
  return found.data
}

/** Takes our app off the person's list there; a token that no longer counts has nothing to take off. PROVIDER_UNAVAILABLE */
export async function removeApp(graph: GraphParts, accessToken: string): Promise<void> {
  await ask(graph, `${graph.profileUrl}/permissions?method=delete`, accessToken, 'DELETE').catch((error: unknown) => {
    if (!(error instanceof EntenteError) || error.code !== 'LOGIN_DENIED') throw error
  })
}

/** Graph with its proof that the caller knows the app's secret; the secret itself is never in an address. */
async function ask({ http, appSecret }: GraphParts, url: string, accessToken: string, method = 'GET'): Promise<unknown> {
  const proof = createHmac('sha256', appSecret).update(accessToken).digest('hex')
  const answer = await http.fetch(`${url}&appsecret_proof=${proof}`, {
    method,
    headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
  })
  await refuseGraphError(answer)
  return readJson(answer)
}

const graphError = z.object({
  error: z.object({
    code: z.number(),
    error_subcode: z.number().exactOptional(),
    type: z.string().optional().catch(undefined),
    message: z.string().optional().catch(undefined),
    fbtrace_id: z.string().max(100).exactOptional().catch(''),
  }),
})
type GraphError = z.infer<typeof graphError>['error']

/** Facebook's errors are an object where OAuth has a word, so they are read before openid-client sees them. The message stays here. */
export async function refuseGraphError(answer: Response): Promise<void> {
  if (answer.ok) return
  const error = graphError.safeParse(await readJson(answer)).data?.error
  if (error === undefined) throw new EntenteError('PROVIDER_UNAVAILABLE', { provider: 'facebook', reason: `status ${answer.status}` })
  const { code, error_subcode: subcode, fbtrace_id: trace } = error
  const alert = isMisconfiguration(error) ? { alert: 'configuration' } : {}
  throw new EntenteError(verdict(error), { provider: 'facebook', code, subcode, trace, ...alert })
}

function verdict({ code, error_subcode: subcode }: GraphError): ErrorCode {
  if (code === 100 && (subcode === 36009 || subcode === 36007)) return 'LOGIN_EXPIRED' // the code was used, or is too old
  if (code === 100 && subcode === 36008) return 'PROVIDER_UNAVAILABLE'
  return [10, 100, 102, 190].includes(code) || (code >= 200 && code < 300) ? 'LOGIN_DENIED' : 'PROVIDER_UNAVAILABLE'
}

/** What no person and no second try can mend: application, secret, redirect URI, proof. */
const isMisconfiguration = ({ code, error_subcode: subcode, type, message = '' }: GraphError) =>
  [101, 191].includes(code) || (code === 1 && message.includes('client secret')) || (code === 100 && (subcode === 36008 || type === 'GraphMethodException'))
