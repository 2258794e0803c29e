import { start } from '../src/main.ts'
import { serveAsChild } from './child.ts'
import { openView } from './open-view.ts'

// The gateway as it is run. Without the gate only the step that makes views of documents is another one, without the audit of reads it is left out.
const others = {
  ...(process.env['BENCH_GATE'] === 'off' && { viewOf: openView }),
  ...(process.env['BENCH_READ_AUDIT'] === 'off' && { readAudit: () => Promise.resolve() }),
}
const gateway = await start({ ...process.env, PORT: '0' }, others)
serveAsChild(Number(new URL(gateway.address).port), () => Promise.resolve(gateway[Symbol.asyncDispose]()))
