import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { catalogue } from '../src/errors.ts'
import { rowsOf } from './support/tables.ts'

const codes = Object.keys(catalogue)

test('the page of error codes names each code with its status, and no other', () => {
  const page = rowsOf('docs/errors.md').map((row) => [row['code'], Number(row['status'])])
  expect(page).toEqual(Object.entries(catalogue).map(([code, [status]]) => [code, status]))
})

test('the contract lists each code that is not a defect of ours', () => {
  const contract = readFileSync('schema/entente.graphql', 'utf8')
  for (const code of codes) expect(contract).toContain(code)
})

test('messages are safe for anybody: no placeholders', () => {
  for (const [, message] of Object.values(catalogue)) expect(message).not.toMatch(/\$\{|%s|\{\d?\}/)
})
