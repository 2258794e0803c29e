import { createServer } from 'node:net'

/** Whether nobody listens on this port of the loopback address. */
export function isFree(port) {
  return listenOnce(port).then(
    () => true,
    () => false,
  )
}

/** The preferred port if it is free, else any free one. */
export function freePort(preferred = 0) {
  return listenOnce(preferred).catch(() => listenOnce(0))
}

function listenOnce(port) {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const taken = server.address().port
      server.close(() => resolve(taken))
    })
  })
}
