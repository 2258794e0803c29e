import type { AddressProof, CustomerRow, ProfileField, Source, TraitValue } from '../storage/customers.ts'

/** A profile with who said what. */
export type SaidProfile = Pick<CustomerRow, 'sources' | 'traits' | 'emailProof' | ProfileField>

/** One thing that is said about a person. A source without a value: it was cleared. */
export interface Said {
  readonly value?: TraitValue
  readonly source?: Source
  readonly proof?: AddressProof
}

/** By path, as sources are named: `email`, `traits:clothingSize`. */
export type SaidByPath = ReadonlyMap<string, Said>

export const profileFields = [
  'email',
  'givenName',
  'familyName',
  'pictureUrl',
  'birthYear',
  'postcode',
  'country',
  'locale',
] as const satisfies readonly ProfileField[]
const trait = 'traits:'

export function saidIn(row: SaidProfile): SaidByPath {
  const values = new Map<string, TraitValue | undefined>([
    ...profileFields.map((field) => [field, row[field]] as const),
    ...Object.entries(row.traits ?? {}).map(([name, value]) => [trait + name, value] as const),
  ])
  const paths = new Set([...values.keys(), ...Object.keys(row.sources)])
  return new Map(
    [...paths].sort().flatMap((path): [string, Said][] => {
      const [value, source] = [values.get(path), row.sources[path]]
      if (value === undefined && source === undefined) return []
      const proof = path === 'email' && row.emailProof !== undefined ? { proof: row.emailProof } : {}
      return [[path, { ...(value !== undefined && { value }), ...(source !== undefined && { source }), ...proof }]]
    }),
  )
}

/** For every path that either knows, what `choose` takes; nothing: the path is unknown. */
export function joined(a: SaidByPath, b: SaidByPath, choose: (a: Said | undefined, b: Said | undefined, path: string) => Said | undefined): SaidByPath {
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort()
  return new Map(
    paths.flatMap((path) => {
      const chosen = choose(a.get(path), b.get(path), path)
      return chosen === undefined ? [] : [[path, chosen] as const]
    }),
  )
}

/** The customer's own word before a provider's, then the newer one, then whatever is decided alike everywhere. */
export function weightier(a: Said | undefined, b: Said | undefined): Said | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return isAfter(weight(a), weight(b)) ? a : b
}

const weight = ({ value, source, proof }: Said) => [
  source?.from === 'customer' ? 1 : 0,
  source?.at.getTime() ?? 0,
  source?.from ?? '',
  JSON.stringify(value) ?? '',
  proof ?? '',
]

/** Compares place by place. */
export function isAfter(a: readonly (string | number)[], b: readonly (string | number)[]): boolean {
  const differs = a.findIndex((one, i) => one !== b[i])
  return differs >= 0 && (a[differs] ?? 0) > (b[differs] ?? 0)
}

export const isSame = (a: Said | undefined, b: Said | undefined): boolean => a === b || (!!a && !!b && weight(a).join('\n') === weight(b).join('\n'))

/** The profile as a customer stores it. */
export function profileOf(said: SaidByPath): SaidProfile {
  const values = [...said].flatMap(([path, { value }]) => (value === undefined ? [] : [[path, value] as const]))
  const proof = said.get('email')?.proof
  return {
    ...Object.fromEntries(values.filter(([path]) => !path.startsWith(trait))),
    ...(proof !== undefined && { emailProof: proof }),
    traits: Object.fromEntries(values.flatMap(([path, value]) => (path.startsWith(trait) ? [[path.slice(trait.length), value] as const] : []))),
    sources: Object.fromEntries([...said].flatMap(([path, { source }]) => (source === undefined ? [] : [[path, source] as const]))),
  }
}
