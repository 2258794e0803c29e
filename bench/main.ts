import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { serverCore } from './child.ts'
import { comparisons, type Comparison } from './comparisons.ts'
import { sizes } from './filled.ts'
import { findKeycloak } from './keycloak/distribution.ts'
import { keycloakComparisons, openBoth } from './keycloak/rows.ts'
import { printRow, type Row } from './report.ts'
import { seed } from './seed.ts'
import { mintTokens } from './tokens.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    peer: { type: 'string' },
    size: { type: 'string', default: 'small' },
  },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds takes a number of rounds')
const people = sizes[values.size]
if (people === undefined) throw new RangeError(`--size takes one of ${Object.keys(sizes).join(', ')}`)
if (values.peer !== undefined && values.peer !== 'keycloak') throw new RangeError('--peer takes keycloak')
const every = [...comparisons, ...keycloakComparisons(null)].map(({ name }) => name)
const names = values.only?.split(',') ?? every
if (!names.every((name) => every.includes(name))) throw new RangeError(`--only takes some of ${every.join(', ')}`)
const uri = process.env['MONGODB_URI']
if (uri === undefined) throw new Error('MONGODB_URI is missing: start with `npm run bench`.')

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`)
console.log(
  serverCore === undefined
    ? 'Nothing is pinned: server, databases and load share the cores, for both sides alike.'
    : `Each server runs on core ${serverCore}; databases and load run on the others, for both sides alike. Ours logs each request; of the peers only that of gdpr does.`,
)
await seed(uri)
const tokens = await mintTokens(uri)
const rows: Row[] = []
await using opened = new AsyncDisposableStack()
for (const comparison of [...comparisons, ...(await besideKeycloak())].filter(({ name }) => names.includes(name))) {
  try {
    const row = await comparison.run(uri, tokens, rounds, people)
    printRow(row, comparison.toReach)
    rows.push(row)
  } catch (error) {
    // The others are worth having, and what was measured is kept as it comes.
    console.log(`${comparison.name} could not be measured: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)
}

/** None without the peer, and then one sentence why. */
async function besideKeycloak(): Promise<readonly Comparison[]> {
  const found = values.peer === undefined ? { why: 'They are measured with --peer keycloak.' } : await findKeycloak()
  if ('home' in found) return keycloakComparisons(opened.use(await openBoth(found.home)))
  console.log(`Without the rows beside Keycloak. ${found.why}`)
  return []
}
