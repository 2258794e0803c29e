import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config/env.ts'
import { start } from '../../src/main.ts'

// What a gateway must not start with. The house is public unless a row says otherwise.
const folder = await mkdtemp(join(tmpdir(), 'refusals-'))
const demo = { policy: new URL('../../demo/policy.yaml', import.meta.url), clients: new URL('../../demo/clients.yaml', import.meta.url) }
const copy = async (from: URL, change: (text: string) => string = (text) => text): Promise<string> => {
  const file = join(folder, `${Math.random()}.yaml`)
  await writeFile(file, change(await readFile(from, 'utf8')))
  return file
}
const ownClients = await copy(demo.clients, (text) => text.replaceAll(/secret: \w+-demo-secret/g, 'secret: 9fK2mQ8vX4tR7wZ1pL6s'))
const house = {
  // Nobody listens there: what gets as far as that was not refused.
  MONGODB_URI: 'mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=50',
  REDIS_URL: 'redis://127.0.0.1:1',
  ENTENTE_SECRET: 'nZ6vKqP2sT9wXyB4dFhJmL8rUaCeGiQo',
  PUBLIC_URL: 'https://id.shop.example',
  POLICY_FILE: await copy(demo.policy),
  CLIENTS_FILE: ownClients,
}
const problemOf = (env: Record<string, string>): Promise<string> =>
  start({ ...house, ...env }, {}).then(
    () => 'started',
    (error: Error) => error.message,
  )

test.for([
  ['no secret', { ENTENTE_SECRET: '' }, /^ENTENTE_SECRET is missing$/],
  ['a short one', { ENTENTE_SECRET: 'nZ6vKqP2sT9wXyB4dFhJmL8rUaCeGiQ' }, /^ENTENTE_SECRET needs at least 32 characters$/],
  ['one letter, many times', { ENTENTE_SECRET: 'x'.repeat(64) }, /^ENTENTE_SECRET .*random/],
  ['one that is in every manual', { ENTENTE_SECRET: 'change-me-change-me-change-me-change-me' }, /^ENTENTE_SECRET .*random/],
  ['a former one that is as weak', { ENTENTE_SECRET_PREVIOUS: 'a'.repeat(40) }, /^ENTENTE_SECRET_PREVIOUS .*random/],
] as const)('F38 %s', async ([, env, sentence]) => {
  const said = await problemOf(env)
  expect(said).toMatch(sentence)
  for (const value of Object.values(env)) if (value !== '') expect(said).not.toContain(value)
})

test.for([
  ['simulated providers', { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y', GOOGLE_BASE_URL: 'http://127.0.0.1:1' }, /_BASE_URL .*this machine only/],
  ['the demo policy', { POLICY_FILE: 'demo/policy.yaml' }, /POLICY_FILE and CLIENTS_FILE must be your own/],
  ['the demo clients, by another path', { CLIENTS_FILE: demo.clients.pathname }, /POLICY_FILE and CLIENTS_FILE must be your own/],
  ['the demo clients, by a longer path', { CLIENTS_FILE: './demo/../demo/clients.yaml' }, /POLICY_FILE and CLIENTS_FILE must be your own/],
] as const)('F39 a public house does not start with %s', async ([, env, sentence]) => expect(await problemOf(env)).toMatch(sentence))

test('F39 nor with a copy of the demo clients, whose secrets everybody knows', async () => {
  expect(await problemOf({ CLIENTS_FILE: await copy(demo.clients) })).toMatch(/client marketing .*secret/)
})

test('F38 F39 with its own it goes on to its data base; on this machine the demo is welcome', async () => {
  expect(await problemOf({})).not.toMatch(/ENTENTE_SECRET|CLIENTS_FILE|client /)
  const local = { ...house, PUBLIC_URL: 'http://localhost:4000', POLICY_FILE: 'demo/policy.yaml', CLIENTS_FILE: 'demo/clients.yaml' }
  expect(readConfig(local).loopback).toBe(true)
})
