import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backedUp, leftOut } from '../../src/storage/backup.ts'
import { fates } from '../../src/storage/fates.ts'
import { backupCommand } from '../../src/wiring/backup-command.ts'
import { erase } from '../support/erasing.ts'
import { merging } from '../support/merging.ts'
import { clientSide, openSurroundings, startShop } from '../support/shop.ts'
import { start } from '../../src/main.ts'

test('it is said of every collection whether a backup has it', () => {
  expect([...backedUp, ...leftOut].sort()).toEqual(Object.keys(fates).sort())
})

test('H7 what is about people is unreadable in a backup; restored with the newest keys, it does not bring back who was erased since', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'backup-'))
  const [data, oldKeys, keys] = ['data', 'old-keys', 'keys'].map((name) => join(folder, name))
  if (data === undefined || oldKeys === undefined || keys === undefined) throw new Error('no folder')
  await using shop = await startShop()
  const person = merging(shop)
  const gone = await person.account('google', 'person-1')
  await person.yes((await person.account('google', 'person-2')).accessToken, 'email_marketing')
  expect(await backupCommand(['make', data, oldKeys], shop.env)).toContain('Written')
  const text = await readFile(data, 'utf8')
  expect(text).not.toMatch(/person-\d|people\.example|Person/)
  expect(text).toContain('consent_ledger')
  await expect(backupCommand(['restore', data, oldKeys], shop.env)).rejects.toThrow('There is data already')

  expect((await shop.graphql(erase, { confirm: true }, gone.accessToken)).errors).toBeUndefined()
  expect(await backupCommand(['make', join(folder, 'later'), keys], shop.env)).toContain('Written')
  await using around = await openSurroundings()
  expect(await backupCommand(['restore', data, keys], around.env)).toMatch(/Restored [1-9]\d* rows; [1-9]\d* of people/)
  const left = await around.db.collection('customers').find({}).toArray()
  expect(left.map(({ email }) => email)).toEqual(['person-2@people.example'])
  await using again = await start(around.env)
  const { accessToken } = await clientSide(again.url).signIn('google', { as: 'person-2', client: 'account' })
  const { data: seen } = await clientSide(again.url).graphql('{ me { consents { purpose state } } }', {}, accessToken)
  expect(seen.me.consents).toContainEqual({ purpose: 'email_marketing', state: 'GRANTED' })
}, 60_000)
