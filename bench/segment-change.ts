import type { Act } from './behaviour.ts'
import type { Child } from './child.ts'
import { rowOf, type Pair, type Row } from './report.ts'
import { openShopHouse, type ShopHouse } from './shop-house.ts'

const changesOfRound = 100
const segments = '{ me { segments { id } } }'
const order: Act = { event: 'Order Completed', properties: { order_id: 'o-1', category: 'Winter sports', brand: 'Nordlicht', total: 49.9 } }

/**
 * Of the people whom one event puts into a segment, those whose next read says so: a read of the gateway that took the event ("ours"), and
 * then one of another before the same database ("peer"). It begins when the event is answered; the milliseconds until it is read are printed.
 */
export async function segmentChange(uri: string, rounds: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const house = await openShopHouse(stack, uri, 'bench_segment', rounds * changesOfRound, 2)
  const [taker, other] = house.gateways
  if (taker === undefined || other === undefined) throw new Error('two gateways are needed')
  const times: number[] = []
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++) {
    const missed = { ours: 0, peer: 0 }
    for (let n = 0; n < changesOfRound; n++) {
      const person = round * changesOfRound + n
      if (await isInside(house, taker, person)) throw new Error('inside before the event')
      const begun = performance.now()
      await house.feed(taker, person, [order])
      if (!(await isInside(house, taker, person))) missed.ours++
      times.push(performance.now() - begun)
      if (!(await isInside(house, other, person))) missed.peer++
    }
    pairs.push({ ours: percent(missed.ours), peer: percent(missed.peer) })
    console.log(`  missed by the next read: ${missed.ours} of ${changesOfRound}, at the other gateway ${missed.peer}`)
  }
  const middle = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
  console.log(`segment-change: sent, kept and read as a membership within ${middle?.toFixed(1)} ms (median)`)
  return rowOf('segment-change', '% seen', pairs)
}

const isInside = async (house: ShopHouse, gateway: Child, person: number): Promise<boolean> =>
  (await house.ask(gateway, person, segments)).includes('"winter_sport"')

const percent = (missed: number): number => 100 * (1 - missed / changesOfRound)
