import { once } from 'node:events'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createMetrics } from '../../src/http/metrics.ts'
import { createServer } from '../../src/http/server.ts'

test('what is more than the house does at once is refused at once, with the time to come back; health is told all the same', async () => {
  const server = createServer({ log: pino({ level: 'silent' }), metrics: createMetrics(), publicUrl: 'http://localhost', trustedProxies: [], atOnce: 3 })
  onTestFinished(() => server.close())
  const arrivals = new EventTarget()
  const release = Promise.withResolvers<string>()
  server.get('/held', () => {
    arrivals.dispatchEvent(new Event('arrived'))
    return release.promise
  })
  server.get('/health/live', () => 'alive')
  const url = await server.listen({ host: '127.0.0.1', port: 0 })

  const held: Promise<Response>[] = []
  for (let n = 0; n < 3; n++) {
    const arrived = once(arrivals, 'arrived')
    held.push(fetch(`${url}/held`))
    await arrived
  }
  const refused = await fetch(`${url}/held`)
  expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([503, '1', { error: 'overloaded' }])
  expect((await fetch(`${url}/health/live`)).status).toBe(200)

  release.resolve('done')
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await fetch(`${url}/held`)).status).toBe(200)
})
