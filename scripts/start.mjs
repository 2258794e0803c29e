import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runEverything } from './run/everything.mjs'
import { Problem, runOrExplain } from './setup/problem.mjs'

/** `npm start [-- --workers N]`: everything a person needs to try Entente, until Ctrl-C. */
await runOrExplain(() => runEverything({ workers: workersAskedFor() }))

function workersAskedFor() {
  const wrong = new Problem('npm start takes --workers N, the number of gateway processes (0: one for each core), and nothing else.')
  try {
    const { workers } = parseArgs({ options: { workers: { type: 'string', default: '1' } } }).values
    if (!/^\d{1,3}$/.test(workers)) throw wrong
    return Number(workers) || availableParallelism()
  } catch {
    throw wrong
  }
}
