import { z } from 'zod'
import { redirectProblem, webProblem } from './client-uris.ts'

const unique = <T>(list: readonly T[]): boolean => new Set(list).size === list.length
const listOf = <T extends z.ZodType>(item: T, most = 50) => z.array(item).max(most).refine(unique, 'names something twice').default([])

/** A customer's id has 22 characters of this alphabet: a client that was called like one could pass for a person. */
const clientId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be letters, digits, dot, dash or underscore, at most 64')
  .refine((id) => !/^[A-Za-z0-9_-]{22}$/.test(id), 'must not have 22 characters: ids of customers have')

const uriThat = (problem: (uri: string) => string | null) =>
  z.string().superRefine((uri, context) => {
    const message = problem(uri)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })

const publicJwk = z
  .looseObject({ kty: z.enum(['EC', 'RSA', 'OKP']), kid: z.string().min(1).optional() })
  .refine((jwk) => !('d' in jwk), 'is a private key: only its public part belongs here')

/** One client as it is written in `CLIENTS_FILE` or in the `clients` collection. */
export const registration = z
  .strictObject({
    id: clientId,
    name: z.string().trim().min(1).max(80),
    authentication: z.enum(['none', 'secret', 'private_key_jwt']),
    secret: z.string().min(15, 'needs at least 15 characters').max(256).optional(),
    jwks: z.strictObject({ keys: z.array(publicJwk).min(1).max(10) }).optional(),
    application: z.enum(['web', 'native']).default('web'),
    redirectUris: listOf(z.string().max(2000)),
    postLogoutRedirectUris: listOf(z.string().max(2000)),
    responseMode: z.enum(['query', 'form_post']).default('query'),
    backchannelLogoutUri: uriThat(webProblem).optional(),
    webhookUri: uriThat(webProblem).optional(),
    grants: z
      .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials', 'id_token']))
      .min(1)
      .refine(unique, 'names something twice'),
    purposes: listOf(z.string()),
    scopes: listOf(z.enum(['audit:read', 'clients:write', 'privacy:handle', 'segments:read'])),
    sector: clientId.optional(),
    nativeAudiences: z.record(z.string(), z.array(z.string().min(1)).min(1)).default({}),
    writeKeys: listOf(z.string().regex(/^[A-Za-z0-9_-]{16,128}$/, 'must be 16 to 128 letters, digits, - and _'), 10),
    trustedForIntrospection: z.boolean().default(false),
    origins: listOf(uriThat((uri) => webProblem(uri) ?? (new URL(uri).origin === uri ? null : 'must be an origin, without a path'))),
  })
  .superRefine((client, context) => {
    const complain = (member: string, message: string, at?: number) =>
      context.addIssue({ code: 'custom', path: at === undefined ? [member] : [member, at], message })
    for (const member of ['redirectUris', 'postLogoutRedirectUris'] as const) {
      for (const [at, uri] of client[member].entries()) {
        const message = redirectProblem(uri, client.application)
        if (message !== null) complain(member, message, at)
      }
    }
    const has = (grant: (typeof client.grants)[number]) => client.grants.includes(grant)
    if ((client.authentication === 'secret') !== (client.secret !== undefined)) complain('secret', 'belongs to authentication: secret, and is needed there')
    if ((client.authentication === 'private_key_jwt') !== (client.jwks !== undefined))
      complain('jwks', 'belongs to authentication: private_key_jwt, and is needed there')
    if (has('authorization_code') !== client.redirectUris.length > 0)
      complain('redirectUris', 'belong to the grant authorization_code, and one is needed there')
    if (has('client_credentials') && client.authentication === 'none') complain('grants', 'client_credentials needs a client that can authenticate')
    if (has('refresh_token') && !has('authorization_code') && !has('id_token')) complain('grants', 'refresh_token needs authorization_code or id_token')
    if (client.scopes.includes('clients:write') && has('client_credentials'))
      complain('scopes', 'clients:write is for people: two of them widen what a client may do')
    if (client.purposes.includes('data_subject_access') && has('client_credentials'))
      complain('purposes', 'data_subject_access is for people, never for a tool on its own')
  })

export type Registration = z.infer<typeof registration>
