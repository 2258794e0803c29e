import { startChild, type Child } from './child.ts'
import { databases, inDatabase } from './databases.ts'
import { get, post, type Target } from './load.ts'
import { people, type Person } from './people.ts'

const fields = 'id email givenName familyName pictureUrl birthYear postcode country locale traits { clothingSize favouriteColours newsletterRhythm }'
export const twelveFields = fields
export const elevenFields = fields.replace('pictureUrl ', '')
export const listLength = 500

/** Apollo Server as it comes, type-graphql, mongoose documents, a DataLoader a request. */
export const startUsualStack = (uri: string): Promise<Child> => startChild('peers/usual-stack.js', { MONGODB_URI: inDatabase(uri, databases.peer) })

/** `node:http`, the driver, `JSON.stringify`. */
export const startBareDriver = (uri: string): Promise<Child> => startChild('peers/bare-driver.js', { MONGODB_URI: inDatabase(uri, databases.peer) })

export function usualReads({ port }: Child): Target {
  const query = `query ($id: ID!) { me(id: $id) { ${twelveFields} } }`
  return { port, requests: people.map(({ key }) => post('/', { query, variables: { id: key } })), check: checkPerson }
}

export function usualList({ port }: Child): Target {
  const query = `{ customers(first: ${listLength}) { ${elevenFields} } }`
  return { port, requests: Array.from({ length: 20 }, () => post('/', { query })), check: checkList }
}

export const bareReads = ({ port }: Child): Target => ({ port, requests: people.map(({ key }) => get(`/${key}`)), check: checkPerson })

function checkPerson(body: string, at: number): void {
  const person = people[at]
  if (person === undefined || !sameValues(body, { data: { me: { id: person.key, ...person.profile } } }))
    throw new Error(`the peer's answer ${at} is wrong: ${body.slice(0, 300)}`)
}

function checkList(body: string): void {
  const { data }: { data?: { customers?: { email?: string }[] } } = JSON.parse(body)
  const expected = new Set(people.map(({ profile }) => profile.email))
  if (data?.customers?.length !== listLength || !data.customers.every(({ email = '' }) => expected.has(email))) throw new Error("the peer's list is wrong")
}

/** Whether the answer is that document, members in any order. */
export const sameValues = (body: string, expected: unknown): boolean => sorted(JSON.parse(body)) === sorted(expected)

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

/** What the peers keep: the fields that are read, and nothing that consent or the login needs. */
export const peerRow = ({ key, profile }: Person) => ({ _id: key, ...profile })
