import { connect } from 'node:net'
import { Problem } from '../setup/problem.mjs'

const limit = 60_000 // ms

/** Resolves when the address answers 200. Fails with a Problem after a minute. */
export async function untilReady(address) {
  await retry(
    async () => (await fetch(address, { signal: AbortSignal.timeout(2000) })).ok,
    `The gateway is not ready after a minute: ${address} does not answer 200.`,
  )
}

/** Resolves when someone listens on the port. Fails with a Problem after a minute. */
export async function untilListening(port) {
  await retry(() => accepts(port), `Nobody listens on port ${port} after a minute; .data/demo.log may say why.`)
}

/** Fails, naming it, when the first of these ends: none should before it is told to. */
export async function firstEnd(started) {
  await Promise.race(
    started.map(async ({ what, ended, lastWords }) => {
      const code = await ended
      throw new Problem(`${lastWords ? `${lastWords()}\n\n` : ''}Everything is stopped, since ${what} ended by itself (exit code ${code}).`)
    }),
  )
}

async function retry(attempt, sentence) {
  for (const until = Date.now() + limit; Date.now() < until;) {
    if (await attempt().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Problem(sentence)
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => finish(true))
    const finish = (yes) => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('error', () => finish(false))
  })
}
