import { loadCount } from './load.ts'
import { ownReads, startOurs } from './ours.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import type { Tokens } from './tokens.ts'

const early = 20_000
const late = 200_000

/** Resident megabytes of one process after many reads ("ours") to those after few ("peer"), a fresh process each round. */
export async function memoryGrowth(uri: string, tokens: Tokens, rounds: number): Promise<Row> {
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++) {
    await using gateway = await startOurs(uri)
    const target = ownReads(gateway, tokens)
    const residentAfter = async (reads: number) => {
      await loadCount(target, reads)
      return (await gateway.usage()).rss / 2 ** 20
    }
    const peer = await residentAfter(early)
    pairs.push({ peer, ours: await residentAfter(late - early) })
  }
  return rowOf('memory-growth', 'MiB', pairs)
}
