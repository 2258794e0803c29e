import { startChild, type Child } from './child.ts'
import { among, filled, type Filled } from './filled.ts'
import { shownOf } from './filling.ts'
import { historiesUntil } from './histories.ts'
import { post, type Target } from './load.ts'
import { forReads, startOurs } from './ours.ts'
import { sameValues, twelveFields } from './peers.ts'
import { customerRow, personOf } from './people.ts'
import type { Row } from './report.ts'
import { compare } from './rounds.ts'
import { openMint } from './tokens.ts'

/** How many people the house for comparison has, and how many are asked of each. */
const few = 10_000
const asked = 5_000

const computed = 'ordersLastYear spentLastYear favouriteCategories'
const fields = `${twelveFields.replace('newsletterRhythm', `newsletterRhythm ${computed}`)} affinities { kind name score } segments { id title }`

/** The numbers of those who are asked, far from one another, so that nobody is read along with their neighbour. */
const askedOf = ({ people }: Filled): number[] => Array.from({ length: asked }, (_, i) => Math.floor((i * people) / asked))

const startGateway = (house: Filled): Promise<Child> => startOurs(house.uri, { ...forReads, MONGODB_URI: house.uri })

const withoutScores = (body: string): string => body.replaceAll(/,"score":[\d.e-]+/g, '')

/** What of a person an answer has to say. A score is another one by the time it is checked. */
function expecting({ until }: Filled) {
  const histories = historiesUntil(until)
  return (n: number, at: number) => {
    const person = personOf(n)
    const { _id, affinities, ...known } = shownOf(person, n, customerRow(person), histories, at)
    return { ...known, affinities: affinities.map(({ kind, name }) => ({ kind, name })) }
  }
}

function target(port: number, requests: Buffer[], ids: readonly string[], expected: (at: number) => object): Target {
  return {
    port,
    requests,
    check: (body, at) => {
      if (!sameValues(withoutScores(body), { data: { me: { id: ids[at], ...expected(at) } } })) throw new Error(`answer ${at} is wrong: ${body.slice(0, 900)}`)
    },
  }
}

async function own({ port }: Child, house: Filled): Promise<Target> {
  await using mint = await openMint(house.uri)
  const numbers = askedOf(house)
  const ids = mint.idsAt('storefront', numbers.map(personOf))
  const tokens = await Promise.all(ids.map((id, n) => mint.ofPerson('storefront', id, n)))
  const requests = tokens.map((token) => post('/graphql', { query: `{ me { ${fields} } }` }, { authorization: `Bearer ${token}` }))
  const expected = expecting(house)
  return target(port, requests, ids, (at) => expected(numbers[at] ?? 0, Date.now()))
}

function usual({ port }: Child, house: Filled): Target {
  const numbers = askedOf(house)
  const ids = numbers.map((n) => personOf(n).key)
  const requests = ids.map((id) => post('/', { query: `query ($id: ID!) { me(id: $id) { ${fields} } }`, variables: { id } }))
  const expected = expecting(house)
  return target(port, requests, ids, (at) => expected(numbers[at] ?? 0, house.until))
}

/** Profile, traits, interests and segments in one answer, decided by consent and worked out as it is read; the peer reads them as they were stored. */
export async function personalReads(uri: string, rounds: number, people: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const house = await filled(stack, uri, people)
  const ours = stack.use(await startGateway(house))
  const peer = stack.use(await startChild('peers/personal-stack.js', { MONGODB_URI: house.peerUri }))
  const plan = { name: 'personal-read/usual-stack', unit: 'reads/s', rounds }
  return await among(house, await compare(plan, { server: ours, target: await own(ours, house) }, { server: peer, target: usual(peer, house) }), ours, peer)
}

/** Reads a second among few ("ours") to those among many ("peer"): how much slower a read gets with the crowd. */
export async function personalReadGrowth(uri: string, rounds: number, people: number): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const [small, large] = [await filled(stack, uri, few), await filled(stack, uri, people)]
  const [ours, peer] = [stack.use(await startGateway(small)), stack.use(await startGateway(large))]
  const plan = { name: 'personal-read-growth', unit: 'reads/s', rounds }
  const row = await compare(plan, { server: ours, target: await own(ours, small) }, { server: peer, target: await own(peer, large) })
  return await among(large, row, ours, peer)
}
