import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditCommand } from '../../src/wiring/audit-command.ts'
import { startShop, type Shop } from '../support/shop.ts'

const run = promisify(execFile)
const verifier = 'verify/entente-verify.mjs'
const stack = new AsyncDisposableStack()
let shop: Shop
let folder: string
beforeAll(async () => {
  shop = stack.use(await startShop())
  folder = await mkdtemp(join(tmpdir(), 'entente-report-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  await shop.signIn('google', { as: 'anna', consent: { personalised_shop: true } })
})
afterAll(() => stack.disposeAsync())

const command = (...args: string[]) => auditCommand(args, shop.env)
const period = ['--from', '2020-01-01', '--to', '2100-01-01']

test('a report counts what happened and names nobody; its signature is checked by the standalone verifier', async () => {
  await command('report', ...period, '--out', join(folder, 'report.html'))
  const [html, json] = await Promise.all(['report.html', 'report.json'].map((name) => readFile(join(folder, name), 'utf8')))
  const { chapters } = JSON.parse(json ?? '') as { chapters: { name: string; rows: { type: string; events: number }[] }[] }
  const count = (type: string) => chapters.flatMap(({ rows }) => rows).find((row) => row.type === type)?.events
  expect([count('customer.created'), count('consent.changed'), count('audit.reported')]).toEqual([1, 1, 1])
  for (const customer of await shop.db.collection<{ _id: string; email?: string }>('customers').find().toArray())
    for (const value of [customer._id, customer.email ?? customer._id]) expect(`${html} ${json}`).not.toContain(value)

  const check = () => run(process.execPath, [verifier, join(folder, 'report.jwt'), '--keys', join(folder, 'report.keys.json')])
  expect((await check()).stdout).toContain('All is as it was written.')
  await writeFile(join(folder, 'report.html'), html?.replace('Sign-ins', 'Sign-ons') ?? '')
  await expect(check()).rejects.toMatchObject({ stdout: expect.stringContaining('report.html: is not what report.jwt was made for') })
})

test('F35 an export of a running house is found whole, and of one whose ledger was changed it is not', async () => {
  const to = join(folder, 'first')
  expect(await command('export', '--to', to)).toContain('records in')
  expect((await run(process.execPath, [verifier, to])).stdout).toContain('All is as it was written.')
  const entry = await shop.db.collection<{ _id: string }>('consent_ledger').findOne({})
  await shop.db.collection<{ _id: string }>('consent_ledger').updateOne({ _id: entry?._id ?? '' }, { $set: { receipt: 'another' } })
  const later = join(folder, 'later')
  await command('export', '--to', later)
  await expect(run(process.execPath, [verifier, later])).rejects.toMatchObject({
    stdout: expect.stringContaining(`ledger/${entry?._id} does not say what was hashed`),
  })
})

test('the funnel of a period is a page of its own, and who asks for what is not there is told what there is', async () => {
  const out = join(folder, 'funnel.html')
  const year = ['--from', new Date(Date.now() - 360 * 86_400_000).toISOString(), '--to', new Date(Date.now() + 86_400_000).toISOString()]
  expect(await command('funnel', ...year, '--out', out)).toBe(out)
  const page = await readFile(out, 'utf8')
  expect(page).toMatch(/^<!doctype html>/i)
  expect(page).not.toMatch(/undefined|NaN|@gmail\.com/)
  await expect(command('funnel', '--from', '2026-02-01', '--to', '2026-01-01')).rejects.toThrow('npm run audit -- export')
  await expect(command('funnel', ...period)).rejects.toThrow('days at most')
  await expect(command('nothing')).rejects.toThrow('npm run audit -- export')
})

test('F36 what cannot be noted is not given: a read fails with its note, and nothing of the customer leaves', async () => {
  const marketing = await shop.tool('marketing')
  const query = '{ customers(first: 5) { edges { node { id email } } } }'
  const granted = { state: 'granted', textVersion: '2026-01', at: new Date() }
  await shop.db.collection('customers').updateMany({}, { $set: { 'decisions.email_marketing': granted, grants: ['email_marketing@2026-01'] } })
  await shop.db.command({ collMod: 'audit_log', validator: { type: { $ne: 'data.read' } } })
  const refused = await shop.graphql(query, {}, marketing)
  const noted = await shop.db.collection('audit_log').countDocuments({ type: 'data.read' })
  await shop.db.command({ collMod: 'audit_log', validator: {} })
  expect(JSON.stringify([refused.data, refused.errors])).not.toContain('@')
  expect(refused.errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR')
  expect(noted).toBe(0)
  expect(JSON.stringify((await shop.graphql(query, {}, marketing)).data)).toContain('@')
})
