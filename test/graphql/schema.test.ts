import { isObjectType } from 'graphql'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readPolicy } from '../../src/config/policy.ts'
import { buildEntenteSchema } from '../../src/graphql/schema.ts'

const file = new URL('../../schema/entente.graphql', import.meta.url)
const policyFile = new URL('../../demo/policy.yaml', import.meta.url)
const policy = readPolicy(readFileSync(policyFile, 'utf8'), 'demo/policy.yaml')
const { schema, classification, sdl } = buildEntenteSchema(policy)

test('the schema file is what the code makes', () => {
  if (process.env['ENTENTE_WRITE_SCHEMA'] === '1') writeFileSync(file, sdl)
  expect(readFileSync(file, 'utf8')).toBe(sdl)
})
