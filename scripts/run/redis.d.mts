import type { RunningServer } from './leashed-server.mjs'

export function startRedis(options: {
  readonly program: string
  readonly folder: string
  readonly port?: number
  readonly cluster?: boolean
}): Promise<RunningServer & { readonly port: number }>
