import type { AffinityKind } from '../config/personalization.ts'
import type { Tally } from '../storage/derived-state.ts'
import { nameIn } from './computed-traits.ts'
import { dayOf, effective, type KeptEvent } from './kept-event.ts'
import { addedTo, entriesIn, seriesIn, tallyOf, type Addition } from './series.ts'

export interface Interest {
  readonly name: string
  /** What its events add, each halved for every half-life since it happened. */
  readonly score: number
}

const day = 86_400_000
/** Parts of a weight that are told apart. */
const unit = 1024
const mostNames = 50
/** An interest that has halved so often is none. */
const mostHalvings = 16

/**
 * Time is cut into eras. Within one, each event adds a whole number: its weight, grown by the time from the era's beginning. Whole numbers add
 * up alike in any order, and what an interest counts now is a handful of them, halved for the time since then.
 */
const eraDays = ({ halfLife, days }: AffinityKind): number => Math.max(1, Math.floor(Math.min(4 * halfLife, days / 4)))

/** The first era that lies wholly within what may be kept. */
function firstEra(kind: AffinityKind, now: number): number {
  const kept = Math.min(kind.days, mostHalvings * kind.halfLife)
  return Math.ceil((dayOf(now) - kept + 1) / eraDays(kind))
}

const eraOf = (kind: AffinityKind, time: number): number => Math.floor(dayOf(time) / eraDays(kind))
const halvings = (kind: AffinityKind, from: number, to: number): number => (to - from) / (kind.halfLife * day)
const startOf = (kind: AffinityKind, era: number): number => era * eraDays(kind) * day

/** The interests of one kind with these events too, without those that are switched off. */
export function interested(kind: AffinityKind, tally: Tally, events: readonly KeptEvent[], now: number, off: ReadonlySet<string>): Tally {
  const isOn = (name: string): boolean => off.size === 0 || !off.has(switchName(kind.kind, name))
  const additions: Addition[] = []
  for (const event of events) {
    const weight = kind.weights.get(event.name)
    const name = weight === undefined ? null : nameIn(event, kind.property)
    if (weight === undefined || name === null || !isOn(name)) continue
    const at = effective(event)
    const era = eraOf(kind, at)
    additions.push({ name, step: era, amount: Math.round(weight * unit * 2 ** halvings(kind, startOf(kind, era), at)) })
  }
  const before = off.size === 0 ? tally : tallyOf(entriesIn(tally).filter(([name]) => isOn(name)))
  return addedTo(before, additions, firstEra(kind, now), mostNames)
}

/** How an interest is named where it is switched off. */
export const switchName = (kind: string, name: string): string => `${kind}:${name}`

/** The interests of one kind at a moment, the strongest first. */
export function interestsAt(kind: AffinityKind, tally: Tally | undefined, now: number, off: ReadonlySet<string>): Interest[] {
  return entriesIn(tally)
    .filter(([name]) => !off.has(switchName(kind.kind, name)))
    .map(([name, ...series]) => ({ name, score: scoreOf(kind, series, now) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1))
}

function scoreOf(kind: AffinityKind, series: readonly number[], now: number): number {
  const from = firstEra(kind, now)
  let score = 0
  for (let i = 0; i + 1 < series.length; i += 2) {
    const [era = 0, amount = 0] = [series[i], series[i + 1]]
    if (era >= from) score += (amount / unit) * 2 ** -halvings(kind, startOf(kind, era), now)
  }
  return score
}

/** How strong one interest is at a moment; 0 where it is none. */
export function scoreAt(kind: AffinityKind, tally: Tally | undefined, name: string, now: number, off: ReadonlySet<string>): number {
  const series = seriesIn(tally, name)
  return series.length === 0 || off.has(switchName(kind.kind, name)) ? 0 : scoreOf(kind, series, now)
}

/** When an interest that is at least so strong stops being it, or loses an era: milliseconds. Null: it is not so strong. */
export function fadesAt(kind: AffinityKind, tally: Tally | undefined, name: string, atLeast: number, now: number): number | null {
  const series = seriesIn(tally, name)
  const score = scoreOf(kind, series, now)
  if (score < atLeast) return null
  const fades = now + Math.log2(score / atLeast) * kind.halfLife * day
  const kept = Math.min(kind.days, mostHalvings * kind.halfLife)
  const eraEnds = ((series[0] ?? 0) * eraDays(kind) + kept) * day
  return Math.max(now + 1, Math.min(Math.ceil(fades), eraEnds > now ? eraEnds : Infinity))
}
