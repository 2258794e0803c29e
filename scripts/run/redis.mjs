import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Problem } from '../setup/problem.mjs'
import { leashedServer } from './leashed-server.mjs'
import { freePort } from './port.mjs'

/**
 * Starts a Redis (or Valkey) server on the loopback address, with its data in `folder`; `cluster` makes it a node that waits
 * to be given its slots. Resolves when it answers: `{ uri, port, ended, stop }`. Fails with a Problem.
 */
export async function startRedis({ program, folder, port: preferred, cluster = false }) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const port = await freePort(preferred)
  const log = join(folder, 'redis.log')
  const server = leashedServer(program, [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--logfile', log],
    ...['--save', '60', '1', '--appendonly', 'no', '--maxmemory', '256mb', '--maxmemory-policy', 'noeviction'],
    ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())] : []),
  ])
  const died = server.ended.then((code) => {
    throw new Problem(`The Redis server ended at its start (exit code ${code}); the last lines of ${log} say why.`)
  })
  try {
    await Promise.race([died, answers(port)])
  } catch (error) {
    await server.stop()
    throw error
  }
  return { uri: `redis://127.0.0.1:${port}`, port, ended: server.ended, stop: server.stop }
}

async function answers(port) {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await ping(port)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Problem('The Redis server did not answer within 10 seconds; see redis.log in its data folder.')
}

function ping(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const finish = (alive) => {
      socket.destroy()
      resolve(alive)
    }
    socket.setTimeout(1000, () => finish(false))
    socket.once('data', (data) => finish(data.toString().startsWith('+PONG')))
    socket.once('error', () => finish(false))
  })
}
