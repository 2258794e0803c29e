import { afterAll, beforeAll, expect, test } from 'vitest'
import { startShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop({ gateways: 2, env: { TRUSTED_PROXIES: '127.0.0.1' } })
})
afterAll(() => shop[Symbol.asyncDispose]())

const guess = (client: string, secret: string, from: string, at = shop.url) =>
  fetch(`${at}/oidc/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`, 'x-forwarded-for': from },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })

test('C28 who tries one secret after another is slowed and written down; other clients and the same client elsewhere are not', async () => {
  const statuses: number[] = []
  for (let n = 0; n < 30; n++) statuses.push((await guess('marketing', `wrong-${n}`, '198.51.100.7', shop.urls[n % 2])).status)
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(401))
  expect(statuses.slice(24)).toEqual(Array(6).fill(429))
  const locked = await guess('marketing', 'marketing-demo-secret', '198.51.100.7')
  expect(locked.status).toBe(429)
  expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await guess('marketing', 'marketing-demo-secret', '198.51.100.8')).status).toBe(200)
  expect((await guess('ads', 'ads-demo-secret', '198.51.100.7')).status).toBe(200)
  expect(await shop.db.collection('audit_log').countDocuments({ type: 'client.guessed', client: 'marketing' })).toBeGreaterThan(0)
})
