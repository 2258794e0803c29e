import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startShop } from '../support/shop.ts'

test('with an endpoint configured each request is a span, which names the route and nobody', async () => {
  const received: { url: string | undefined; body: string }[] = []
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ url: request.url, body })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const shop = await startShop({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` } })
  const anna = await shop.signIn('google', { as: 'anna' })
  await shop.graphql('{ me { email } }', {}, anna.accessToken)
  await shop[Symbol.asyncDispose]()
  await new Promise((resolve) => collector.close(resolve))

  const all = received.map(({ body }) => body).join('')
  expect(received.map(({ url }) => url)).toContain('/v1/traces')
  expect(all).toContain('POST /graphql')
  expect(all).toContain('/login/:provider/callback')
  for (const secret of ['anna', 'code=', 'state=', anna.accessToken]) expect(all).not.toContain(secret)
})
