import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { chanceOfDifference, comparisonOf, findingsOf, variantsOf } from '../../src/audit/funnel-findings.ts'
import { funnelSteps, loginFunnel, type FunnelCell, type ShownCell } from '../../src/audit/login-funnel.ts'
import { funnelStore } from '../../src/storage/login-funnel.ts'
import { openMongo, prepareCollections } from '../../src/storage/mongo.ts'
import { sharesOf, variantAt } from '../../src/pages/visit.ts'

let db: Awaited<ReturnType<typeof openMongo>>
beforeAll(async () => {
  db = await openMongo(inject('mongodbUri').replace(/\/(\?|$)/, `/f${randomBytes(6).toString('hex')}$1`))
})
afterAll(async () => {
  await db.dropDatabase()
  await db.close()
})

const place: FunnelCell = { client: 'storefront', provider: 'google', device: 'phone', variant: '', step: 'started', outcome: '' }
const day = 86_400_000
const first = Date.UTC(2026, 4, 4)
const at = (n: number) => new Date(first + n * day)
const failed = (error: unknown) => {
  throw error
}

/** Counts on the first days of May, asked about any time: each funnel is a process of its own on the same rows. */
function process(k: number, today: { n: number }) {
  return loginFunnel({ store: funnelStore(db), k, failed, now: () => new Date(at(today.n).getTime() + 3_600_000) })
}

const cells = fc.record<FunnelCell>({
  client: fc.constantFrom('storefront', 'storefront-b'),
  provider: fc.constantFrom('google', 'apple', ''),
  device: fc.constantFrom('phone', 'desktop'),
  variant: fc.constantFrom('', 'a'),
  step: fc.constantFrom('shown', 'started', 'finished'),
  outcome: fc.constant(''),
})
const visits = fc.array(fc.record({ cell: cells, times: fc.integer({ min: 1, max: 9 }), day: fc.integer({ min: 0, max: 3 }), process: fc.nat(1) }), {
  maxLength: 25,
})
const nameOf = ({ client, provider, device, variant, step }: FunnelCell) => [client, provider, device, variant, step].join('|')

describe('no number that is ever shown stands for fewer than k', () => {
  test('nor does a sum or a difference of answers, at whatever times and over whatever periods they are asked for', async () => {
    await prepareCollections(db)
    await fc.assert(
      fc.asyncProperty(visits, fc.constantFrom(2, 5, 10), async (all, k) => {
        await db.collection('login_funnel').deleteMany({})
        const today = { n: 0 }
        const both = [process(k, today), process(k, today)]
        const truth = new Map<string, number>()
        for (const one of all.toSorted((a, b) => a.day - b.day)) {
          today.n = one.day
          for (let n = 0; n < one.times; n++) both[one.process]?.count(one.cell)
          truth.set(nameOf(one.cell), (truth.get(nameOf(one.cell)) ?? 0) + one.times)
          await both[one.process]?.between(at(0), at(1))
          const inPart = await both[1]?.between(at(1), at(3))
          // All are multiples of k, so every sum and difference of any of them is one too: 0, or at least k.
          expect(inPart?.every(({ count }) => count > 0 && count % k === 0)).toBe(true)
        }
        for (const one of both) await one.close()
        const whole = await both[0]?.between(at(0), at(10))
        const shown = new Map(whole?.map((cell) => [nameOf(cell), cell.count]))
        for (const [name, times] of truth) expect(shown.get(name) ?? 0).toBe(times - (times % k))
        const days = await Promise.all([0, 1, 2, 3].map((n) => both[0]?.between(at(n), at(n + 1))))
        const sum = (list: readonly ShownCell[] | undefined) => (list ?? []).reduce((all_, { count }) => all_ + count, 0)
        expect(days.reduce((total, one) => total + sum(one), 0)).toBe(sum(whole))
      }),
      { numRuns: 25 },
    )
  })

  test('when the policy raises k, what was entered in smaller groups is cut down', async () => {
    await db.collection('login_funnel').deleteMany({})
    const before = process(2, { n: 0 })
    for (let n = 0; n < 6; n++) before.count(place)
    await before.close()
    const after = process(5, { n: 1 })
    expect((await after.between(at(0), at(2))).map(({ count }) => count)).toEqual([5])
    await after.close()
  })
})

test('what could not be written is counted with the next', async () => {
  const store = funnelStore(db)
  await db.collection('login_funnel').deleteMany({})
  let away = true
  const errors: unknown[] = []
  const flaky: typeof store = { ...store, add: (...given) => (away ? Promise.reject(new Error('away')) : store.add(...given)) }
  const funnel = loginFunnel({ store: flaky, k: 2, failed: (error) => errors.push(error), now: () => at(0) })
  funnel.count(place)
  funnel.count(place)
  expect(await funnel.between(at(0), at(1))).toEqual([])
  away = false
  expect((await funnel.between(at(0), at(1))).map(({ count }) => count)).toEqual([2])
  await funnel.close()
  expect(errors).toHaveLength(1)
})

describe('variants of the login page', () => {
  test('are drawn by their shares, every one of them', () => {
    const some = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2 })
    fc.assert(
      fc.property(some, (shares) => {
        const variants = shares.map((share, n) => ({ id: `v${n}`, share, providers: null }))
        const drawn = Array.from({ length: sharesOf(variants) }, (_, roll) => variantAt(variants, roll)?.id)
        for (const { id, share } of variants) expect(drawn.filter((one) => one === id)).toHaveLength(share)
      }),
    )
  })

  const shownTo = (variant: string, came: number, through: number): ShownCell[] => [
    { ...place, provider: '', variant, step: 'shown', count: came },
    { ...place, provider: '', variant, step: 'arrived', count: through },
  ]
  test('are told apart beyond chance, or not', () => {
    const clear = variantsOf([...shownTo('a', 1000, 700), ...shownTo('b', 1000, 800)])
    expect(comparisonOf(clear)).toMatchObject({ better: 'b' })
    const unclear = variantsOf([...shownTo('a', 100, 70), ...shownTo('b', 100, 80)])
    expect(comparisonOf(unclear)).toMatchObject({ better: null })
    expect(comparisonOf(variantsOf(shownTo('a', 100, 70)))).toBeNull()
  })

  test('the test is Pearson’s: values of R, prop.test(…, correct = FALSE)', () => {
    const { chiSquared, p } = chanceOfDifference({ came: 100, through: 70 }, { came: 100, through: 80 })
    expect(chiSquared).toBeCloseTo(2.6667, 4)
    expect(p).toBeCloseTo(0.1025, 3)
    expect(chanceOfDifference({ came: 10, through: 10 }, { came: 10, through: 9 }).p).toBe(1)
  })
})

test('what is found is the part that loses most, with what became of it', () => {
  const group = (provider: string, started: number, finished: number, cancelled: number): ShownCell[] => [
    { ...place, provider, step: 'started', count: started },
    { ...place, provider, step: 'finished', count: finished },
    { ...place, provider, step: 'cancelled', count: cancelled },
  ]
  const found = findingsOf([...group('google', 1000, 900, 50), ...group('apple', 500, 200, 280), ...group('facebook', 20, 10, 0)])
  expect(found[0]).toMatchObject({ dimension: 'provider', value: 'apple', mostly: 'cancelled' })
  expect(found.some(({ value }) => value === 'google')).toBe(false)
  expect(findingsOf([])).toEqual([])
})

test('every step has a name that rows keep', () => {
  expect(new Set(funnelSteps).size).toBe(funnelSteps.length)
})
