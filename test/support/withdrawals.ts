import { setTimeout as pause } from 'node:timers/promises'
import type { Operation } from './linearizable.ts'
import type { Processes } from './processes.ts'
import type { Answer } from './shop.ts'

const decide = 'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions) { id } }'
const restrict = 'mutation ($restricted: Boolean!) { restrictProcessing(restricted: $restricted) { id } }'
const purposes = ['personalised_shop', 'email_marketing'] as const

function readsOf({ data, errors }: Answer): Answer['data'] {
  if (errors !== undefined) throw new Error(`a read: ${JSON.stringify(errors)}`)
  return data
}

/** A purpose of a person: granted or not is the register. */
export interface Register {
  readonly name: string
  readonly history: Operation[]
}

/**
 * People who say yes and no to two purposes, each on two devices at once, while their shop and a tool read them at every process and by every
 * way: `me`, by id, and as one of a list. Each device says so many times; who reads begins the next read as soon as the last was answered.
 * Or people who have said yes, and restrict the processing of their data and lift that again.
 */
export async function changingMinds(
  house: Processes,
  people: number,
  times: number,
  by: 'decisions' | 'restriction' = 'decisions',
): Promise<readonly Register[]> {
  const { data } = await house.graphql('{ purposes { id textVersion } }')
  const versions = new Map<string, string>(data.purposes.map((one: { id: string; textVersion: string }) => [one.id, one.textVersion]))
  const tool = await house.tool('marketing')
  const at = (n: number): string => house.gateways[n % house.gateways.length]?.url ?? ''

  async function person(n: number): Promise<Register[]> {
    const as = `gmail-${(by === 'decisions' ? 8_800 : 8_900) + n}`
    const account = await house.signIn('google', { as, client: 'account' })
    const shop = await house.signIn('google', { as })
    const say = async (purpose: string, granted: boolean, url: string): Promise<void> => {
      const decisions = [{ purpose, granted, ...(granted && { textVersion: versions.get(purpose) }) }]
      const { errors } = await house.graphql(decide, { decisions }, account.accessToken, url)
      if (errors !== undefined) throw new Error(`setConsents: ${JSON.stringify(errors)}`)
    }
    for (const purpose of purposes) await say(purpose, true, at(0))
    const { email } = (await house.graphql('{ me { email } }', {}, account.accessToken)).data.me
    const listed = await house.graphql('{ customers(first: 100) { edges { node { id email } } } }', {}, tool)
    const id: string = listed.data.customers.edges.find((edge: { node: { email: string } }) => edge.node.email === email).node.id
    const reads = {
      personalised_shop: [async (url: string) => readsOf(await house.graphql('{ me { pictureUrl } }', {}, shop.accessToken, url)).me.pictureUrl !== null],
      email_marketing: [
        async (url: string) => readsOf(await house.graphql('query ($id: ID!) { customer(id: $id) { email } }', { id }, tool, url)).customer !== null,
        async (url: string) => {
          const { edges } = readsOf(await house.graphql('{ customers(first: 100) { edges { node { id } } } }', {}, tool, url)).customers
          return edges.some((edge: { node: { id: string } }) => edge.node.id === id)
        },
      ],
    }
    const process = async (free: boolean, url: string): Promise<void> => {
      const { errors } = await house.graphql(restrict, { restricted: !free }, account.accessToken, url)
      if (errors !== undefined) throw new Error(`restrictProcessing: ${JSON.stringify(errors)}`)
    }
    if (by === 'restriction') return [await register(`${as} restriction`, reads.email_marketing, process, n)]
    return Promise.all(purposes.map((purpose, which) => register(`${as} ${purpose}`, reads[purpose], (granted, url) => say(purpose, granted, url), n + which)))
  }

  async function register(
    name: string,
    reads: readonly ((url: string) => Promise<boolean>)[],
    write: (granted: boolean, url: string) => Promise<void>,
    seed: number,
  ): Promise<Register> {
    const history: Operation[] = []
    const note = async (does: Operation['does'], by: string, work: () => Promise<boolean>): Promise<void> => {
      const began = performance.now()
      const value = await work()
      history.push({ does, value, began, ended: performance.now(), by })
    }
    const saying = new Set([0, 1])
    const reader = async (gateway: number): Promise<void> => {
      for (let n = 0; saying.size > 0; n++) {
        // A person may ask sixty times a second, at all processes together.
        if (reads.length === 1) await pause(120)
        const way = n % reads.length
        await note('read', `${at(gateway)} way ${way}`, () => reads[way]?.(at(gateway)) ?? Promise.resolve(false))
      }
    }
    const device = async (which: number): Promise<void> => {
      for (let n = which; n < times + which; n++) {
        const url = at(seed + n * 3)
        await note('write', url, () => write(n % 2 === 1, url).then(() => n % 2 === 1))
      }
      saying.delete(which)
    }
    await Promise.all([...house.gateways.keys().map(reader), device(0), device(1)])
    return { name, history }
  }

  return (await Promise.all(Array.from({ length: people }, (_, n) => person(n)))).flat()
}
