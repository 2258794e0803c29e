import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { healthRoutes } from '../../src/http/health.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { createServer } from '../../src/http/server.ts'

test('F34 metrics are for neighbours: an address of the wide world is told that there are none', async () => {
  const metrics = createMetrics()
  const server = createServer({ log: pino({ level: 'silent' }), metrics, publicUrl: 'http://localhost', trustedProxies: [], atOnce: 3 })
  onTestFinished(() => server.close())
  healthRoutes(server, { ready: () => Promise.resolve({ mongodb: true, redis: true }), metrics })
  const statusAt = async (remoteAddress: string) => (await server.inject({ url: '/metrics', remoteAddress })).statusCode
  for (const inside of ['127.0.0.1', '::1', '::ffff:10.1.2.3', '192.168.0.4', '172.31.0.1', 'fd00::7'])
    expect([inside, await statusAt(inside)]).toEqual([inside, 200])
  for (const outside of ['203.0.113.9', '172.32.0.1', '2001:db8::1', '::ffff:198.51.100.1', '110.0.0.1'])
    expect([outside, await statusAt(outside)]).toEqual([outside, 404])
})
