import type { Server } from 'node:http'
import { startMailCatcher } from './mail-catcher/main.ts'
import { startMarketing } from './marketing/main.ts'
import { startProviders } from './providers/start.ts'
import { brands } from './storefront/brands.ts'
import { startStorefront } from './storefront/main.ts'

const { env } = process
const port = (name: string, otherwise: number): number => Number(env[`DEMO_${name}_PORT`] ?? otherwise)
const gateway = env['PUBLIC_URL'] ?? `http://localhost:${env['PORT'] ?? 4000}`
const appleKey = env['APPLE_DEMO_PUBLIC_KEY']

const closing = (server: Server) => ({
  async [Symbol.asyncDispose]() {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  },
})

/** What `npm start` shows around the gateway: four simulated providers, two shops, one marketing tool, a mail server, each on a port of its own. */
async function startDemo(): Promise<AsyncDisposableStack> {
  await using running = new AsyncDisposableStack()
  const ports = { google: port('GOOGLE', 4101), apple: port('APPLE', 4102), facebook: port('FACEBOOK', 4103), haus: port('HAUS', 4104) }
  running.use(await startProviders({ ports, ...(appleKey && { appleClientPublicKey: appleKey }) }))
  const first = { port: port('STOREFRONT', 4201), gateway, clientId: 'storefront', writeKey: 'storefront-demo-write-key', brand: brands.storefront }
  running.use(closing(await startStorefront(first)))
  running.use(closing(await startStorefront({ port: port('STOREFRONT_B', 4202), gateway, clientId: 'storefront-b', brand: brands['storefront-b'] })))
  running.use(closing(await startMarketing({ port: port('MARKETING', 4203), gateway })))
  running.use(await startMailCatcher({ smtpPort: port('SMTP', 4105), port: port('MAIL', 4106) }))
  return running.move()
}

const demo = await startDemo()
for (const end of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.once(end, () => void demo.disposeAsync().then(() => process.exit(0)))
