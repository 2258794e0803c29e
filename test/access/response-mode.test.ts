import { afterAll, beforeAll, expect, test } from 'vitest'
import { formsOf } from '../support/browser.ts'
import { authorize, newCustomer, openStage, redirectUri, type Stage } from './stage.ts'

const address = 'https://posted.example/callback'
let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    clients: `  - { id: posted, name: Posted, authentication: none, responseMode: form_post, redirectUris: ['${address}'], grants: [authorization_code] }\n`,
  })
  stage.behind.person = newCustomer()
})
afterAll(() => stage[Symbol.asyncDispose]())

const posted = { client_id: 'posted', redirect_uri: address, scope: 'openid' }

test.for([undefined, 'form_post'])('C05 a code of a client that takes posted forms comes by a posted form, asked for %s', async (mode) => {
  const page = await authorize(stage, stage.browser(), { ...posted, response_mode: mode })
  expect(page.url).not.toContain('code=')
  const form = formsOf({ ...page, headers: new Headers() }).find(({ action }) => action === address)
  expect(form?.fields).toMatchObject({ code: expect.any(String), state: 'of the shop', iss: `${stage.url}/oidc` })
})

test.for(['query', 'fragment'])('C05 and not by %s, whose refusal is posted too', async (mode) => {
  const page = await authorize(stage, stage.browser(), { ...posted, response_mode: mode })
  const form = formsOf({ ...page, headers: new Headers() }).find(({ action }) => action === address)
  expect(form?.fields).toMatchObject({ error: 'invalid_request' })
  expect(form?.fields).not.toHaveProperty('code')
})

test('a posted request becomes a query when it is a form of some size, and nothing else', async () => {
  const ask = (body: string, type = 'application/x-www-form-urlencoded') =>
    fetch(`${stage.url}/oidc/auth`, { method: 'POST', body, headers: { 'content-type': type }, redirect: 'manual' })
  const taken = await ask(`redirect_uri=${redirectUri}&a=1&a=2`)
  expect([taken.status, taken.headers.get('location')]).toEqual([
    303,
    `${stage.url}/oidc/auth?${new URLSearchParams([
      ['redirect_uri', redirectUri],
      ['a', '1'],
      ['a', '2'],
    ])}`,
  ])
  for (const refused of [await ask(`state=${'x'.repeat(8_192)}`), await ask('{}', 'application/json'), await ask('a=1', 'text/plain')])
    expect([refused.status, refused.headers.get('location')]).toEqual([400, null])
})
