import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keptAfter, planKeys, publishedBefore, usedFor, type Generation } from '../../src/access/key-rotation.ts'

/** Makes and drops keys as a gateway does that looks at these moments. */
function* rotate(moments: readonly number[]) {
  let generations: Generation[] = []
  for (const at of moments) {
    const now = new Date(at)
    const [first, ...rest] = generations
    if (first === undefined) generations = [{ name: '1', createdAt: now }]
    else {
      const plan = planKeys([first, ...rest], now)
      generations = generations.filter((one) => !plan.removable.includes(one))
      if (plan.successorDue) generations.push({ name: String(Number(generations.at(-1)?.name) + 1), createdAt: now })
    }
    const [oldest, ...others] = generations
    if (oldest) yield { at, plan: planKeys([oldest, ...others], now) }
  }
}

const moments = fc
  .array(fc.integer({ min: 1, max: usedFor }), { minLength: 2, maxLength: 60 })
  .map((gaps) => gaps.reduce<number[]>((all, gap) => [...all, (all.at(-1) ?? 0) + gap], []))

test('a key signs only after an hour in the key set, and stays there for a day after its last signature', () => {
  fc.assert(
    fc.property(moments, (looks) => {
      const lastSigned = new Map<string, number>()
      const firstSeen = new Map<string, number>()
      for (const { at, plan } of rotate(looks)) {
        for (const { name } of plan.published) if (!firstSeen.has(name)) firstSeen.set(name, at)
        const { name } = plan.signing
        if (name !== '1') expect(at - (firstSeen.get(name) ?? at)).toBeGreaterThanOrEqual(publishedBefore)
        lastSigned.set(name, at)
        const published = new Set(plan.published.map((one) => one.name))
        for (const [signed, last] of lastSigned) if (at - last < keptAfter) expect(published.has(signed)).toBe(true)
      }
    }),
  )
})
