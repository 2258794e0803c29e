import { audienceStream } from './audience.ts'
import { erasing } from './erase.ts'
import { exported } from './export.ts'
import { gdpr } from './gdpr.ts'
import { ingested } from './ingest.ts'
import { logins } from './logins.ts'
import { loginGrowth } from './login-growth.ts'
import { memoryGrowth } from './memory.ts'
import { forReads, ownList, ownReads, startOurs, toolReads } from './ours.ts'
import { bareReads, listLength, startBareDriver, startUsualStack, usualList, usualReads } from './peers.ts'
import { personalReadGrowth, personalReads } from './personal-read.ts'
import type { Row } from './report.ts'
import { compare } from './rounds.ts'
import { segmentChange } from './segment-change.ts'
import type { Tokens } from './tokens.ts'
import { verifying } from './verify.ts'
import { withdrawalFanout } from './withdrawal-fanout.ts'
import { withdrawalVisible } from './withdrawal.ts'

export interface Comparison {
  readonly name: string
  /** The figure that the project sets itself, in words; empty where it only reports. */
  readonly toReach: string
  /** `people`: how many there are in a large house. */
  readonly run: (uri: string, tokens: Tokens, rounds: number, people: number) => Promise<Row>
}

export const comparisons: readonly Comparison[] = [
  {
    name: 'read-gate-on/off',
    toReach: '≥ 0.95',
    async run(uri, tokens, rounds) {
      await using on = await startOurs(uri)
      await using off = await startOurs(uri, { ...forReads, BENCH_GATE: 'off' })
      const plan = { name: this.name, unit: 'reads/s', rounds }
      return await compare(plan, { server: on, target: ownReads(on, tokens) }, { server: off, target: ownReads(off, tokens) })
    },
  },
  {
    name: 'audit-on/off',
    toReach: '≥ 0.9',
    async run(uri, tokens, rounds) {
      await using on = await startOurs(uri)
      await using off = await startOurs(uri, { ...forReads, BENCH_READ_AUDIT: 'off' })
      const plan = { name: this.name, unit: 'reads/s', rounds }
      return await compare(plan, { server: on, target: toolReads(on, tokens) }, { server: off, target: toolReads(off, tokens) })
    },
  },
  {
    name: 'read/usual-stack',
    toReach: '≥ 3',
    async run(uri, tokens, rounds) {
      await using ours = await startOurs(uri)
      await using peer = await startUsualStack(uri)
      const plan = { name: this.name, unit: 'reads/s', rounds }
      return await compare(plan, { server: ours, target: ownReads(ours, tokens) }, { server: peer, target: usualReads(peer) })
    },
  },
  {
    name: 'read/bare-driver',
    toReach: '≥ 1.0',
    async run(uri, tokens, rounds) {
      await using ours = await startOurs(uri)
      await using peer = await startBareDriver(uri)
      const plan = { name: this.name, unit: 'reads/s', rounds }
      return await compare(plan, { server: ours, target: ownReads(ours, tokens) }, { server: peer, target: bareReads(peer) })
    },
  },
  {
    name: 'list/usual-stack',
    toReach: '≥ 5',
    async run(uri, tokens, rounds) {
      await using ours = await startOurs(uri)
      await using peer = await startUsualStack(uri)
      const plan = { name: this.name, unit: 'customers/s', rounds, warmUps: 5 }
      return await compare(
        plan,
        { server: ours, target: ownList(ours, tokens), units: listLength },
        { server: peer, target: usualList(peer), units: listLength },
      )
    },
  },
  ...(['customer', 'processor', 'controller', 'regulator'] as const).map((persona) => ({
    name: `gdpr/${persona}`,
    toReach: '≥ 0.67',
    run: (uri: string, _tokens: Tokens, rounds: number) => gdpr(`gdpr/${persona}`, persona, uri, rounds),
  })),
  { name: 'ingest', toReach: '≥ 2', run: (uri, tokens, rounds) => ingested(uri, tokens, rounds, 500) },
  { name: 'ingest/15', toReach: '', run: (uri, tokens, rounds) => ingested(uri, tokens, rounds, 15) },
  { name: 'personal-read/usual-stack', toReach: '≥ 3', run: (uri, _tokens, rounds, people) => personalReads(uri, rounds, people) },
  { name: 'personal-read-growth', toReach: '≤ 1.2', run: (uri, _tokens, rounds, people) => personalReadGrowth(uri, rounds, people) },
  { name: 'login/baseline', toReach: '', run: (uri, _tokens, rounds) => logins(uri, rounds) },
  { name: 'memory-growth', toReach: '≤ 1.2', run: memoryGrowth },
  { name: 'audience-stream', toReach: '≥ 0.7', run: (uri, _tokens, rounds, people) => audienceStream(uri, rounds, people) },
  { name: 'export', toReach: '', run: (uri, _tokens, rounds) => exported(uri, rounds) },
  { name: 'segment-change', toReach: 'none missed', run: (uri, _tokens, rounds) => segmentChange(uri, rounds) },
  { name: 'withdrawal-fanout', toReach: '≤ 50', run: (uri, _tokens, rounds) => withdrawalFanout(uri, rounds) },
  { name: 'withdrawal-visible', toReach: 'none stale', run: (uri, _tokens, rounds) => withdrawalVisible(uri, rounds) },
  { name: 'erase', toReach: '≤ 1.3', run: (uri, _tokens, rounds) => erasing(uri, rounds) },
  { name: 'verify', toReach: '≥ 200,000 records/s', run: (_uri, _tokens, rounds) => verifying(rounds) },
  { name: 'login-growth', toReach: '≤ 1.2', run: (uri, _tokens, rounds) => loginGrowth(uri, rounds) },
]
