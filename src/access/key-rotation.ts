/** One set of signing keys with the moment it was made. */
export interface Generation {
  readonly name: string
  readonly createdAt: Date
}

const hour = 3_600_000
/** Longer than clients keep a fetched key set before they look again at an unknown `kid`. */
export const publishedBefore = hour
export const usedFor = 90 * 24 * hour
/** Longer than any token lives that is checked with these keys. */
export const keptAfter = 24 * hour

export interface KeyPlan<G extends Generation> {
  /** Signs now. */
  readonly signing: G
  /** All that belong into the key set, the signing one first. */
  readonly published: readonly G[]
  /** Whose last token has ended. */
  readonly removable: readonly G[]
  /** Whether the newest is old enough for a successor. */
  readonly successorDue: boolean
}

/**
 * Which keys sign, stand in the key set, or can go. A successor is published an hour before it signs, and a predecessor stays until the
 * last token it signed has ended: nobody is logged out by a rotation. `generations` come oldest first.
 */
export function planKeys<G extends Generation>(generations: readonly [G, ...G[]], now: Date): KeyPlan<G> {
  const inUseSince = (generation: G) => generation.createdAt.getTime() + publishedBefore
  const newest = generations[generations.length - 1] ?? generations[0]
  const signing = generations.findLast((generation) => inUseSince(generation) <= now.getTime()) ?? generations[0]
  const isOver = (_: G, i: number): boolean => {
    const successor = generations[i + 1]
    return successor !== undefined && inUseSince(successor) + keptAfter <= now.getTime()
  }
  const removable = generations.filter(isOver)
  return {
    signing,
    published: [signing, ...generations.filter((generation) => generation !== signing && !removable.includes(generation))],
    removable,
    successorDue: newest.createdAt.getTime() + usedFor <= now.getTime(),
  }
}
