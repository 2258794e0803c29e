import type { Child } from './child.ts'
import { loadFor, warmUp, type Target } from './load.ts'
import { rowOf, type Pair, type Row } from './report.ts'

export interface Side {
  readonly server: Child
  readonly target: Target
  /** What one answer counts for, such as the customers in a list. */
  readonly units?: number
}

export interface Plan {
  readonly name: string
  readonly unit: string
  readonly rounds: number
  /** How often each side is asked everything, and every answer checked, before the first round. */
  readonly warmUps?: number
}

const seconds = 4

/** Both sides warm, then ours and the peer's in turn: a change of the machine's mood meets both, and the ratio is taken pair by pair. */
export async function compare(plan: Plan, ours: Side, peer: Side): Promise<Row> {
  await warmUp(ours.target, plan.warmUps)
  await warmUp(peer.target, plan.warmUps)
  const rates: Pair[] = []
  const cpu: Pair[] = []
  for (let round = 0; round < plan.rounds; round++) {
    const a = await measure(ours)
    const b = await measure(peer)
    rates.push({ ours: a.rate, peer: b.rate })
    cpu.push({ ours: a.cpu, peer: b.cpu })
  }
  return rowOf(plan.name, plan.unit, rates, cpu)
}

async function measure({ server, target, units = 1 }: Side): Promise<{ readonly rate: number; readonly cpu: number }> {
  const before = await server.usage()
  const load = await loadFor(target, seconds)
  const after = await server.usage()
  return { rate: (load.answers * units) / load.seconds, cpu: (after.cpu - before.cpu) / (load.answers * units) }
}
