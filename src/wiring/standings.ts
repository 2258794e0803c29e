import { openFront } from '../http/front.ts'
import { nameOf } from '../http/server.ts'
import { repeatedly } from './repeatedly.ts'
import { digestOf, problemsIn, readTexts, rulesIn, type Rules, type RuleTexts } from './rules.ts'
import { stand, type Ground, type Standing } from './standing.ts'

export interface Standings {
  /** The address it listens on. */
  readonly address: string
  /** Reads the files of the rules now; otherwise they are looked at every two seconds. */
  reload(): Promise<void>
}

const looksEvery = 2_000 // ms

/**
 * The house behind its socket, built anew beside the old one when its rules change: the new one answers from the next request on, the old one ends what it has
 * begun. Rules that cannot be used change nothing; they are told once, with their lines in the log.
 */
export async function openStandings(
  opened: AsyncDisposableStack,
  ground: Ground,
  first: { readonly texts: RuleTexts; readonly rules: Rules },
): Promise<Standings> {
  const { config, log } = ground
  let { texts } = first
  const front = opened.use(openFront())
  // Before anything is said of these rules: who cannot listen has said nothing, and nobody follows them.
  const address = await front.listen({ host: config.host, port: config.port })
  let current = await stand(ground, first.rules)
  const leaving = new Set<Promise<void>>()
  opened.defer(async () => {
    await front[Symbol.asyncDispose]()
    await Promise.all(leaving)
    await current[Symbol.asyncDispose]()
  })
  await front.serve(current.answer)

  async function leave(before: Standing, answered: Promise<void>): Promise<void> {
    await before.endWork()
    await answered
    await before[Symbol.asyncDispose]()
  }

  async function take(next: RuleTexts, rules: Rules): Promise<void> {
    const before = current
    current = await stand(ground, rules)
    texts = next
    const left = leave(before, front.serve(current.answer))
      .catch((error: unknown) => log.error({ error: nameOf(error) }, 'the house of before'))
      .finally(() => leaving.delete(left))
    leaving.add(left)
    log.info({ digest: digestOf(next) }, 'rules taken')
  }

  async function refuse(next: RuleTexts, problems: readonly string[]): Promise<void> {
    const digest = digestOf(next)
    log.error({ digest, problems }, 'rules refused, those of before stay')
    await current.audit.note({ type: 'rules.refused', client: null, actor: 'system', detail: { digest } })
  }

  /** What was taken or refused last, and what was there at the last look. */
  let settled = digestOf(texts)
  let seen = settled
  async function settle(next: RuleTexts): Promise<void> {
    const digest = digestOf(next)
    try {
      const rules = rulesIn(next, config)
      if (digest !== digestOf(texts)) await take(next, rules)
    } catch (error) {
      const problems = problemsIn(error)
      // A database that is away is no fault of the rules: they are tried again.
      if (problems === null) throw error
      await refuse(next, problems)
    }
    settled = digest
  }

  let turn = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = turn.then(work)
    turn = done.catch((error: unknown) => log.error({ error: nameOf(error) }, 'rules'))
    return done
  }
  async function look(): Promise<void> {
    const now = await readTexts(config)
    const digest = digestOf(now)
    // A file that is being written is read by halves: what was there twice counts.
    if (digest === seen && digest !== settled) await settle(now)
    seen = digest
  }
  opened.use(
    repeatedly(
      looksEvery,
      () => {},
      () => inTurn(look),
    ),
  )
  return { address, reload: () => inTurn(async () => settle(await readTexts(config))) }
}
