import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

test.for([
  ['en', 'This did not work'],
  ['de-AT,de;q=0.9,en;q=0.8', 'Das hat nicht geklappt'],
  ['fr', 'This did not work'],
])('for %s the error page says: %s', async ([language = '', title = '']) => {
  const response = await fetch(`${stage.url}/oidc/auth?client_id=%3Cscript%3E`, { headers: { accept: 'text/html', 'accept-language': language } })
  const text = await response.text()
  expect(response.status).toBe(400)
  expect(text).toContain(`<h1>${title}</h1>`)
  expect(text).toContain('<link rel="stylesheet" href="/assets/look.css" />')
  expect(text).not.toMatch(/<script|\sstyle=|invalid_client/)
  expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; style-src 'self'; script-src; base-uri 'none'; frame-ancestors 'none'")
})
