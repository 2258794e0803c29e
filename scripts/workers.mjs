import cluster from 'node:cluster'
import { join } from 'node:path'
import { gatewayFlags } from './run/gateway-flags.mjs'
import { root } from './setup/places.mjs'

/** `workers.mjs N`: N gateway processes behind one port; one that crashes is replaced, SIGTERM drains them all. */
const wanted = Number(process.argv[2])
const backOff = { first: 500, most: 10_000, forgottenAfter: 30_000 } // ms

let stopping = false
let pause = backOff.first
let everListened = false

cluster.setupPrimary({ exec: join(root, 'dist/src/main.js'), args: [], execArgv: gatewayFlags() })
cluster.on('listening', () => {
  everListened = true
})
for (let n = 0; n < wanted; n++) fork()
process.once('SIGTERM', stopAll)
process.on('SIGHUP', () => tellAll('SIGHUP')) // the rules were changed
process.once('disconnect', stopAll) // whoever started us is gone

function fork() {
  const born = Date.now()
  const worker = cluster.fork()
  worker.once('exit', (code, signal) => {
    if (stopping) return
    // One that could never serve has a cause that trying again does not mend, such as a missing variable.
    if (!everListened) return giveUp(code)
    pause = Date.now() - born > backOff.forgottenAfter ? backOff.first : Math.min(pause * 2, backOff.most)
    console.error(JSON.stringify({ level: 50, msg: 'a gateway process ended and is replaced', code, signal, pause }))
    setTimeout(() => stopping || fork(), pause)
  })
}

function stopAll() {
  stopping = true
  // Not cluster.disconnect(): each gateway answers what is under way, closes what it has open, and ends by itself.
  tellAll('SIGTERM')
  process.channel?.unref()
}

function tellAll(signal) {
  for (const worker of Object.values(cluster.workers)) worker.process.kill(signal)
}

function giveUp(code) {
  stopAll()
  process.exitCode = code || 1
}
