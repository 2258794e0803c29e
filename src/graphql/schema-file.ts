import { writeFileSync } from 'node:fs'
import type { Policy } from '../config/policy.ts'
import { buildEntenteSchema } from './schema.ts'

/** Writes the API to `schema/entente.graphql`, for readers and routers; a test fails while it differs from the code. */
export function printSchemaFile(policy: Policy, file: URL): void {
  writeFileSync(file, buildEntenteSchema(policy).sdl)
}
