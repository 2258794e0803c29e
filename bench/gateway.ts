import { start } from '../src/main.ts'
import { serveAsChild } from './child.ts'
import { openView } from './open-view.ts'

// The gateway as it is run; without the gate only the step that makes views of documents is another one.
const gateway = await start({ ...process.env, PORT: '0' }, process.env['BENCH_GATE'] === 'off' ? { viewOf: openView } : {})
serveAsChild(Number(new URL(gateway.address).port), () => Promise.resolve(gateway[Symbol.asyncDispose]()))
