import { z } from 'zod'
import { dataForms, includesCategory } from '../config/categories.ts'
import type { Policy, Purpose } from '../config/policy.ts'
import type { SeenScopeStore } from '../storage/seen-scopes.ts'

const scope = z.object({
  covers: z.array(z.object({ category: z.string(), form: z.enum(dataForms), matchable: z.union([z.boolean(), z.literal('google')]) })),
  clients: z.array(z.string()),
  processors: z.array(z.string()),
  /** Hash of the text by locale. */
  texts: z.record(z.string(), z.string()),
})
type Scope = z.infer<typeof scope>

const scopeOf = ({ coverage, clients, processors, texts }: Purpose): Scope => ({
  covers: coverage.map(({ category, form, matchable }) => ({ category, form, matchable })).toSorted((a, b) => (a.category < b.category ? -1 : 1)),
  clients: [...clients].sort(),
  processors: processors.toSorted(),
  texts: Object.fromEntries([...texts].map(([locale, { hash }]) => [locale, hash] as const).toSorted(([a], [b]) => (a < b ? -1 : 1))),
})

/** Whether who agreed to `agreed` has agreed to all of `wanted`: no further data, form, client or processor. */
export function covers(agreed: Scope, wanted: Scope): boolean {
  const isAgreed = ({ category, form, matchable }: Scope['covers'][number]) =>
    agreed.covers.some((one) => includesCategory(one.category, category) && (one.form === 'FULL' || (one.form === form && one.matchable === matchable)))
  return (
    wanted.covers.every(isAgreed) &&
    wanted.clients.every((one) => agreed.clients.includes(one)) &&
    wanted.processors.every((one) => agreed.processors.includes(one))
  )
}

const hasSameTexts = (a: Scope, b: Scope): boolean =>
  Object.entries(a.texts).every(([locale, hash]) => b.texts[locale] === undefined || b.texts[locale] === hash)

/** The version as it was first used is called as in the file; what it stood for later has a number behind it. */
const versionName = (version: string, at: number): string => (at === 0 ? version : `${version}+${at}`)

/**
 * The policy with versions that tell apart what was agreed to: a purpose that covers more under the version of before, or whose text was
 * changed without a new version, gets another one (`2026-01+1`), and consent to the narrower one counts no more. What only became narrower
 * keeps its consents, as does a correction of the spelling, unless it brings more along.
 */
export async function withSeenScopes(policy: Policy, seen: SeenScopeStore): Promise<Policy> {
  const purposes = await Promise.all(policy.purposes.map((purpose) => versioned(purpose, seen)))
  const byId = new Map(purposes.map((purpose) => [purpose.id, purpose]))
  return { ...policy, purposes, purpose: (id) => byId.get(id) }
}

async function versioned(purpose: Purpose, seen: SeenScopeStore): Promise<Purpose> {
  if (purpose.builtIn || purpose.legalBasis !== 'CONSENT') return purpose
  const wanted = scopeOf(purpose)
  const text = JSON.stringify(wanted)
  const own = await seen.remember(`${purpose.id}@${purpose.textVersion}`, text)
  const valid = new Set<string>()
  for (const version of purpose.validVersions) {
    const isOwn = version === purpose.textVersion
    const known = isOwn ? own : await seen.read(`${purpose.id}@${version}`)
    // One that was never in use since scopes are remembered stands for what it says.
    if (known.length === 0) valid.add(version)
    for (const [at, stored] of known.entries()) {
      const agreed = scope.parse(JSON.parse(stored))
      if (covers(agreed, wanted) && (!isOwn || hasSameTexts(agreed, wanted))) valid.add(versionName(version, at))
    }
  }
  return { ...purpose, textVersion: versionName(purpose.textVersion, own.indexOf(text)), validVersions: valid }
}
