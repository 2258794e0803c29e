import { parse } from 'yaml'
import { z } from 'zod'
import type { OidcProviderConfig } from '../config/providers.ts'

const text = z.string().trim().min(1)
const domain = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/)

const provider = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/)
      .refine((id) => !['google', 'apple', 'facebook'].includes(id), 'belongs to a built-in provider'),
    name: text.max(60),
    issuer: z.string().refine((issuer) => URL.canParse(issuer), 'is not a URL'),
    clientId: text,
    clientSecret: text.optional(),
    privateKey: text.optional(),
    keyId: text.optional(),
    scopes: z
      .array(text)
      .default(['openid', 'email', 'profile'])
      .refine((scopes) => scopes.includes('openid'), 'lacks openid'),
    authoritativeFor: z.array(domain).default([]),
    trustedAudiences: z.array(text).default([]),
    textFlags: z.boolean().default(false),
  })
  .refine(({ clientSecret, privateKey }) => (clientSecret === undefined) !== (privateKey === undefined), 'needs either clientSecret or privateKey')

const providers: z.ZodType<readonly OidcProviderConfig[]> = z
  .array(provider)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'has an id twice')

/** Reads PROVIDERS_FILE (YAML or JSON): a list of further OpenID providers. Throws with all problems, without values. */
export function readProviders(source: string, fileName: string): readonly OidcProviderConfig[] {
  const result = providers.safeParse(contentOf(source, fileName) ?? [])
  if (result.success) return result.data
  throw new ProvidersError(
    fileName,
    result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  )
}

/** What a parser says of a line would repeat the secret in it. */
function contentOf(source: string, fileName: string): unknown {
  try {
    return parse(source)
  } catch {
    throw new ProvidersError(fileName, ['it is neither YAML nor JSON'])
  }
}

/** Everything that is wrong with the further providers, a line each. */
export class ProvidersError extends Error {
  constructor(
    fileName: string,
    readonly problems: readonly string[],
  ) {
    super([`${fileName} is not valid:`, ...problems.map((problem) => `  ${problem}`)].join('\n'))
    this.name = 'ProvidersError'
  }
}
