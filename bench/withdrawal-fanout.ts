import { actsFrom } from './behaviour.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import { openShopHouse, type ShopHouse } from './shop-house.ts'

const sizes = { ours: 10_000, peer: 10 }
const shop = 'personalised_shop'
const withdrawal = `mutation { setConsents(decisions: [{ purpose: "${shop}", granted: false }]) { id } }`
const derived = '{ me { affinities { kind name score } segments { id } traits { ordersLastYear spentLastYear favouriteCategories } } }'
const nothing = { affinities: null, segments: null, traits: { ordersLastYear: null, spentLastYear: null, favouriteCategories: null } }

/** Whatever is said beside it about what is withheld. */
const isNothing = (body: string): boolean => body.startsWith(JSON.stringify({ data: { me: nothing } }).slice(0, -1))

/**
 * Milliseconds to the answer of a withdrawal, by somebody with ten thousand events ("ours") and by somebody with ten ("peer"). The very next
 * read shows nothing that was derived, and the row holds nothing; how long the events themselves take to go is printed.
 */
export async function withdrawalFanout(uri: string, rounds: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const house = await openShopHouse(stack, uri, 'bench_fanout', 2 * rounds + 2, 1)
  const seen = { leaks: 0, gone: 0 }
  const pairs: Pair[] = []
  for (let round = -1; round < rounds; round++) {
    const pair = { ours: await withdrawn(house, 2 * round + 2, sizes.ours, seen), peer: await withdrawn(house, 2 * round + 3, sizes.peer, seen) }
    if (round >= 0) pairs.push(pair)
  }
  console.log(`withdrawal-fanout: derived values after the answer: ${seen.leaks}; the last event of ${sizes.ours} went ${Math.round(seen.gone)} ms after it`)
  return rowOf('withdrawal-fanout', 'ms', pairs)
}

async function withdrawn(house: ShopHouse, person: number, count: number, seen: { leaks: number; gone: number }): Promise<number> {
  const [gateway] = house.gateways
  if (gateway === undefined) throw new Error('no gateway')
  await house.feed(gateway, person, actsFrom(person * sizes.ours, count))
  if (isNothing(await house.ask(gateway, person, derived))) throw new Error('nothing was derived, so nothing can go')
  const begun = performance.now()
  await house.ask(gateway, person, withdrawal)
  const answered = performance.now()
  if (!isNothing(await house.ask(gateway, person, derived))) seen.leaks++
  const row = await house.row(person)
  if (row?.derived?.[shop] !== undefined || row?.memberships?.some((one) => one.endsWith(`@${shop}`))) seen.leaks++
  while ((await house.eventsFor(person, shop)) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  seen.gone = Math.max(seen.gone, performance.now() - answered)
  return answered - begun
}
