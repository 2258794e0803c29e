import { gatewayFlags, startChild, type Child } from './child.ts'
import { databases, inDatabase } from './databases.ts'
import { manyConnections, post, type Target } from './load.ts'
import { elevenFields, listLength, sameValues, twelveFields } from './peers.ts'
import { people, type Person } from './people.ts'
import { publicUrl, secret, type Tokens } from './tokens.ts'

/** Whose tokens are minted, wherever it listens. */
export const forReads = { PUBLIC_URL: publicUrl }

/** The gateway as it is run, with the benchmark's policy and clients. */
export const startOurs = (uri: string, env: Readonly<Record<string, string>> = forReads, flags: readonly string[] = gatewayFlags): Promise<Child> =>
  startChild(
    'gateway.js',
    {
      MONGODB_URI: inDatabase(uri, databases.ours),
      ENTENTE_SECRET: secret,
      POLICY_FILE: 'bench/policy.yaml',
      CLIENTS_FILE: 'bench/clients.yaml',
      ...env,
    },
    flags,
  )

/** `me`, each person with a token of their own. */
export function ownReads({ port }: Child, tokens: Tokens): Target {
  const query = `{ me { ${twelveFields} } }`
  return {
    port,
    requests: tokens.ofPeople.map((token) => post('/graphql', { query }, { authorization: `Bearer ${token}` })),
    check: (body, at) => {
      const person = people[at]
      // Whole documents are compared, so nothing may be missing and nothing be there beyond what was asked for.
      if (person === undefined || !sameValues(body, { data: { me: { id: tokens.idsInShop[at], ...person.profile } } })) throw wrong(body, at)
    },
  }
}

/** The marketing tool reads the customers who agree to it, one by one. What a tool is given stands in the audit log before it is given. */
export function toolReads({ port }: Child, tokens: Tokens): Target {
  const query = `query ($id: ID!) { customer(id: $id) { ${elevenFields} } }`
  const read = people.flatMap(({ profile, agreesTo }, n) => (agreesTo.marketing ? [{ email: profile.email, id: tokens.idsInTool[n] }] : []))
  return {
    port,
    connections: manyConnections,
    requests: read.map(({ id }) => post('/graphql', { query, variables: { id } }, { authorization: `Bearer ${tokens.ofTool}` })),
    check: (body, at) => {
      if (!body.includes(`"email":"${read[at]?.email}"`)) throw wrong(body, at)
    },
  }
}

export function ownList({ port }: Child, tokens: Tokens): Target {
  const query = `{ customers(first: ${listLength}) { edges { node { ${elevenFields} } } } }`
  return {
    port,
    requests: Array.from({ length: 20 }, () => post('/graphql', { query }, { authorization: `Bearer ${tokens.ofTool}` })),
    check: checkList,
  }
}

interface ListAnswer {
  readonly data?: { readonly customers?: { readonly edges?: readonly { readonly node: Listed }[] } }
  readonly errors?: unknown
}

interface Listed {
  readonly id: string
  readonly email: string | null
  readonly familyName: string | null
  readonly birthYear: number
  readonly postcode: string | null
  readonly traits: { readonly clothingSize: string | null }
}

/** Who the list holds, in its order: by key, those who agree to one of the tool's two purposes. */
const listed = people
  .filter(({ agreesTo }) => agreesTo.marketing || agreesTo.ads)
  .toSorted((a, b) => (a.key < b.key ? -1 : 1))
  .slice(0, listLength)

function checkList(body: string, at: number): void {
  const { data, errors }: ListAnswer = JSON.parse(body)
  const nodes = data?.customers?.edges?.map(({ node }) => node) ?? []
  if (errors !== undefined || nodes.length !== listLength || !nodes.every((node, i) => isAsAgreed(node, listed[i]))) throw wrong(body, at)
}

/** What the policy makes of a person for the tool; what they did not agree to must not show. */
function isAsAgreed(node: Listed, person: Person | undefined): boolean {
  if (person === undefined || node.id === person.key) return false
  const { profile, agreesTo } = person
  const email = agreesTo.marketing ? node.email === profile.email : /^[0-9a-f]{64}$/.test(node.email ?? '')
  const name = node.familyName === (agreesTo.marketing ? profile.familyName : null)
  const size = node.traits.clothingSize === (agreesTo.marketing ? profile.traits.clothingSize : null)
  const region = node.postcode === (agreesTo.ads ? profile.postcode.slice(0, 2) : null)
  return email && name && size && region && node.birthYear === Math.floor(profile.birthYear / 10) * 10
}

const wrong = (body: string, at: number): Error => new Error(`our answer ${at} is wrong: ${body.slice(0, 600)}`)
