import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { privacyCommand, UsageError } from '../../src/wiring/privacy-command.ts'
import type { Records } from '../../src/privacy/records.ts'
import { demoPolicy } from '../support/house.ts'
import { policyWith } from '../support/erasing.ts'
import { startShop } from '../support/shop.ts'

const purposes = demoPolicy.purposes.filter(({ builtIn }) => !builtIn)

test('the record of processing names every purpose with its basis, categories, recipients, processors and period', async () => {
  const { activities, controller, policyVersion, inOperation, measures } = JSON.parse(await privacyCommand(['records', '--json'], {})) as Records
  expect(controller).toEqual(demoPolicy.controller)
  expect(policyVersion).toBe(demoPolicy.version)
  expect(inOperation).toBeNull()
  expect(measures.length).toBeGreaterThan(3)
  expect(activities.map(({ purpose }) => purpose)).toEqual([...purposes.map(({ id }) => id), 'account'])
  const mail = activities.find(({ purpose }) => purpose === 'email_marketing')
  expect(mail).toMatchObject({ legalBasis: 'Art. 6(1)(a) consent', recipients: ['Newsletter tool (marketing)'], processors: ['Letter Works Ltd'] })
  expect(mail?.categories).toContainEqual({ category: 'user.demographic', form: 'BAND' })
  expect(mail?.erasure).toContain('P2Y')
  const text = await privacyCommand(['records'], {})
  for (const { id, coverage } of purposes) for (const part of [id, ...coverage.map(({ category }) => category)]) expect(text).toContain(part)
  for (const line of ['Jurisdiction: DE', 'Data is kept in: DE']) expect(text).toContain(line)
  const POLICY_FILE = await policyWith((policy) => policy.replace(/ {2}jurisdiction: DE\n {2}storageLocations: \[DE\]\n/, ''))
  expect(await privacyCommand(['records'], { POLICY_FILE })).not.toMatch(/Jurisdiction|Data is kept in/)
})

test('it knows the running system: who is registered there, how many people, what is overdue', async () => {
  await using shop = await startShop()
  await shop.signIn('google', { as: 'person-1' })
  const registration = {
    name: 'Second newsletter tool',
    authentication: 'secret',
    secret: 'a secret of thirty-two characters',
    grants: ['client_credentials'],
    purposes: ['email_marketing'],
  }
  const POLICY_FILE = await policyWith((text) => text.replace('clients: [marketing]', 'clients: [marketing, letters]'))
  await shop.db.collection<{ _id: string }>('clients').insertOne({ _id: 'letters', registration } as never)
  const old = new Date(0)
  await shop.db.collection('privacy_requests').insertOne({ kind: 'access', customer: 'a', openedAt: old, openedBy: 'operator', dueAt: old } as never)
  const records = JSON.parse(await privacyCommand(['records', '--json'], { POLICY_FILE, MONGODB_URI: shop.env.MONGODB_URI })) as Records
  expect(records.inOperation).toEqual({ customers: 1, erasuresOverdue: 0, requestsOverdue: 1 })
  expect(records.activities.find(({ purpose }) => purpose === 'email_marketing')?.recipients).toContain('Second newsletter tool (letters)')
})

test.for(['de', 'en'])('the privacy notice in %s says who, what for, on which basis, to whom, how long, and which rights', async (locale) => {
  const POLICY_FILE = await policyWith((text) => text.replace('retention: P10Y', 'retention: P10Y\n    keptAfterErasure: P6Y'))
  const notice = await privacyCommand(['notice', '--locale', locale], { POLICY_FILE, GOOGLE_CLIENT_ID: 'a' })
  expect(notice).toContain(demoPolicy.controller.contact)
  for (const { texts, processors } of purposes)
    for (const part of [texts.get(locale)?.title ?? '', texts.get(locale)?.text ?? '', ...processors]) expect(notice).toContain(part)
  for (const name of ['Sample shop', 'Newsletter tool', 'Google', 'Art. 21', 'Art. 77', locale === 'de' ? '6 Jahre' : '6 years']) expect(notice).toContain(name)
  expect(notice).not.toMatch(/Apple|undefined|\{\w+\}|user\./)
})

test('a wrong command says what it takes', async () => {
  for (const args of [[], ['nothing'], ['notice', '--locale', 'fr'], ['records', '--yaml']]) await expect(privacyCommand(args, {})).rejects.toThrow(UsageError)
  const file = join(await mkdtemp(join(tmpdir(), 'policy-')), 'policy.yaml')
  await writeFile(file, 'purposes: none')
  await expect(privacyCommand(['records'], { POLICY_FILE: file })).rejects.toThrow('The policy cannot be used')
})
