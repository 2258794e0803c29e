import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { EntenteError, type ErrorCode } from '../errors.ts'
import type { ProviderHttp } from './provider-http.ts'

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
  picture: z.object({ data: z.object({ url: z.unknown().optional(), is_silhouette: z.unknown().optional() }) }).optional().catch(undefined),
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
  const isOurs = token !== undefined && token.app_id === graph.appId && token.type === 'USER' && token.user_id === found.data.id
    && (token.expires_at === 0 || token.expires_at * 1000 > graph.now()) && token.scopes.includes('public_profile')
  if (!isOurs) throw new EntenteError('LOGIN_DENIED', { provider: 'facebook', check: 'debug_token' })
  return found.data
}

/** Graph with its proof that the caller knows the app's secret; the secret itself is never in an address. */
async function ask({ http, appSecret }: GraphParts, url: string, accessToken: string): Promise<unknown> {
  const proof = createHmac('sha256', appSecret).update(accessToken).digest('hex')
  const answer = await http.fetch(`${url}&appsecret_proof=${proof}`, { headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' } })
  await refuseGraphError(answer)
  return answer.json().catch(() => null)
}

const graphError = z.object({ error: z.object({ code: z.number(), error_subcode: z.number().optional(), message: z.unknown().optional(), fbtrace_id: z.string().max(100).optional().catch(undefined) }) })

/** Facebook's errors are an object where OAuth has a word, so they are read before openid-client sees them. The message stays here. */
export async function refuseGraphError(answer: Response): Promise<void> {
  if (answer.ok) return
  const error = graphError.safeParse(await answer.clone().json().catch(() => null)).data?.error
  if (error === undefined) throw new EntenteError('PROVIDER_UNAVAILABLE', { provider: 'facebook', reason: `status ${answer.status}` })
  const { code, error_subcode: subcode, fbtrace_id: trace } = error
  const isOurFault = [101, 191].includes(code) || (code === 1 && String(error.message).includes('client secret')) || (code === 100 && subcode === undefined)
  throw new EntenteError(codeFor(code, subcode), {
    provider: 'facebook', code, ...(subcode !== undefined && { subcode }), ...(trace !== undefined && { trace }), ...(isOurFault && { alert: 'configuration' }),
  })
}

function codeFor(code: number, subcode: number | undefined): ErrorCode {
  if (code === 100 && (subcode === 36009 || subcode === 36007)) return 'LOGIN_EXPIRED' // the code was used, or is too old
  if (code === 102 || code === 190 || code === 10 || (code >= 200 && code < 300)) return 'LOGIN_DENIED'
  return 'PROVIDER_UNAVAILABLE'
}
