import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
const lines: string[] = []
beforeAll(async () => {
  shop = await startShop({ other: { log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }) } })
})
afterAll(() => shop[Symbol.asyncDispose]())

test('H17 health is a word, and nothing else', async () => {
  expect(await (await fetch(`${shop.url}/health/live`)).json()).toEqual({ status: 'ok' })
  expect(await (await fetch(`${shop.url}/health/ready`)).json()).toEqual({ status: 'ok' })
})

test('metrics count logins by provider and outcome and gate decisions by purpose, and name nobody', async () => {
  const anna = await shop.signIn('google', { as: 'anna' })
  await shop.graphql('{ me { email pictureUrl } }', {}, anna.accessToken)
  const text = await (await fetch(`${shop.url}/metrics`)).text()
  expect(text).toContain('entente_login_steps_total{step="customer",provider="google",outcome="created"} 1')
  expect(text).toContain('entente_gate_decisions_total{purpose="order_processing",outcome="readable"} 1')
  expect(text).toContain('entente_gate_decisions_total{purpose="personalised_shop",outcome="withheld"} 1')
  expect(text).toMatch(/entente_http_request_duration_seconds_bucket\{le="0.05",method="POST",route="\/graphql",status="200"\} \d+/)
  expect(text).not.toMatch(/anna|gmail/i)
})

test('F34 metrics are for the inside: through a proxy they are not there', async () => {
  const answer = await fetch(`${shop.url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.7' } })
  expect(answer.status).toBe(404)
})

test('H2 one line a request names the route and never the address, the query or the person', async () => {
  lines.length = 0
  const ben = await shop.signIn('google', { as: 'ben' })
  await shop.graphql('{ me { email } }', {}, ben.accessToken)
  const requests = lines.map((line) => JSON.parse(line) as { msg: string; route?: string }).filter((line) => line.msg === 'request')
  expect(requests.map((line) => line.route)).toContain('/login/:provider/callback')
  for (const secret of ['ben@', 'firma', 'code=', 'state=', ben.accessToken, ben.refreshToken ?? '']) expect(lines.join('')).not.toContain(secret)
})

test('the operator reads who did and read what, others do not', async () => {
  const operator = await shop.tool('operator')
  const marketing = await shop.tool('marketing')
  await shop.graphql('{ customers { edges { node { email pictureUrl } } } }', {}, marketing)
  const query = '{ auditEvents(first: 100) { edges { node { type clientId actor purposes categories at } } pageInfo { hasNextPage } } }'
  const { data } = await shop.graphql(query, {}, operator)
  const types = new Set(data.auditEvents.edges.map((edge: { node: { type: string } }) => edge.node.type))
  expect([...types]).toEqual(expect.arrayContaining(['customer.created']))
  expect((await shop.graphql(query, {}, marketing)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
})
