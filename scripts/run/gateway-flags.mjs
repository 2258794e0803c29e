import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/places.mjs'

/**
 * What Node is told when it runs the gateway. On a large machine V8 lets the young generation grow to 128 MB and more; the gateway keeps about
 * 70 MB of objects, and with what waits letting go of what it brought (decision 016) a smaller one does. How far the old generation grows before
 * it is gone through follows from how large it may become: where that is gigabytes, three quarters of it are garbage under load. The image reads
 * the same file.
 */
export const gatewayFlags = () => readFileSync(join(root, 'gateway.flags'), 'utf8').trim().split(/\s+/)
