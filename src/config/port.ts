import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Config } from './env.ts'

/** Port 0 asks for any that is free; the public address has to be known before the parts are built. */
export async function withPort(config: Config, publicUrl: string | undefined): Promise<Config> {
  if (config.port !== 0) return config
  const port = await freePort(config.host)
  return { ...config, port, publicUrl: publicUrl === undefined ? `http://localhost:${port}` : config.publicUrl }
}

async function freePort(host: string): Promise<number> {
  const socket = createServer()
  await new Promise<void>((resolve, reject) => socket.once('error', reject).listen(0, host, resolve))
  const { port } = socket.address() as AddressInfo
  await new Promise((resolve) => socket.close(resolve))
  return port
}
