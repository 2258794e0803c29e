import { randomBytes } from 'node:crypto'
import type { Registration } from '../config/client-file.ts'

type Fixed = Pick<Registration, 'authentication' | 'application' | 'grants'>

/** What a client is for good: how it proves who it is, and by what it gets its tokens. */
export const clientKinds = {
  storefront: { authentication: 'none', application: 'web', grants: ['authorization_code', 'refresh_token'] },
  server: { authentication: 'secret', application: 'web', grants: ['authorization_code', 'refresh_token'] },
  app: { authentication: 'none', application: 'native', grants: ['authorization_code', 'refresh_token'] },
  tool: { authentication: 'secret', application: 'web', grants: ['client_credentials'] },
} as const satisfies Readonly<Record<string, Fixed>>

export type ClientKindName = keyof typeof clientKinds

/** 256 random bits. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** A registration as it comes into the collection: with the secret, if it is one that has one. */
export function withSecret(registration: Readonly<Record<string, unknown>>, secret: string): Record<string, unknown> {
  return { ...registration, ...(registration['authentication'] === 'secret' && { secret }) }
}
