import type { RunningServer } from './leashed-server.mjs'

export function startMongod(options: {
  readonly program: string
  readonly folder: string
  readonly port?: number
  readonly cacheGigabytes?: number
  readonly transactionSeconds?: number
}): Promise<RunningServer>
