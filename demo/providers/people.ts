import { createHash } from 'node:crypto'

export type ProviderName = 'google' | 'apple' | 'facebook' | 'haus'

/** What one provider knows about one person. `emailVerified` is whatever the provider would put on the wire: some send text. */
export interface Profile {
  readonly hint: string
  readonly name: string
  readonly given: string
  readonly family?: string | undefined
  readonly picture?: string | undefined
  readonly email?: string | undefined
  readonly emailVerified?: unknown
  /** Google: the hosted domain of the account. */
  readonly hd?: string
  /** Apple: the address is a private relay. */
  readonly relay?: boolean
  /** Apple: the person did not pass on a name. */
  readonly nameless?: boolean
  /** Apple: the app moved here from another team lately. */
  readonly transferred?: boolean
  /** Facebook: the person unticked the e-mail permission. */
  readonly declinesEmail?: boolean
  /** Presses cancel every time. */
  readonly cancels?: boolean
  /** Set by a switch: takes the place of the derived subject. */
  readonly subject?: string
}

type Person = Omit<Profile, 'name'> & Partial<Record<ProviderName, Partial<Profile>>>

/** Names as an attacker would enter them: markup, control and right-to-left characters, and a picture inside the network. */
export const hostileNames = {
  given: '<img src=x onerror=alert(1)>Eva',
  family: '"><script>alert(2)</script>\u0000\u0007\u001b[31m\r\nX-Injected: 1 {{7*7}} \u202egnp.avE\u2066\u200b',
  name: 'Eva \u202e<b onmouseover=alert(3)>avE</b>\u0000\r\nSet-Cookie: a=b',
  picture: 'https://169.254.169.254/latest/meta-data/eva.png',
} as const

const digest = (...parts: readonly string[]) => createHash('sha256').update(parts.join('\n')).digest()
const hex = (...parts: readonly string[]) => digest(...parts).toString('hex')
const digits = (length: number, ...parts: readonly string[]) =>
  BigInt(`0x${hex(...parts)}`)
    .toString()
    .slice(-length)
const relayOf = (hint: string) => `${hex('relay', hint).slice(0, 10)}@privaterelay.appleid.com`

const people: readonly Person[] = [
  { hint: 'anna', given: 'Anna', family: 'Lindner', email: 'anna.demo@gmail.com', emailVerified: true },
  { hint: 'ben', given: 'Ben', family: 'Fischer', email: 'ben@firma.example', emailVerified: true, apple: { email: relayOf('ben'), relay: true } },
  {
    hint: 'cem',
    given: 'Cem',
    family: 'Yılmaz',
    email: 'cem@haus.example',
    emailVerified: true,
    google: { hd: 'haus.example' },
    apple: { nameless: true },
    facebook: { declinesEmail: true },
  },
  { hint: 'dora', given: 'Dora', family: 'Weiß', email: 'dora@people.example', emailVerified: true, cancels: true },
  { hint: 'eva', email: 'eva@people.example', emailVerified: true, ...hostileNames },
  // One-word name; no address at Apple (a school account) nor at Facebook (signed up by telephone).
  {
    hint: 'finn',
    given: 'Finn',
    email: 'finn@people.example',
    emailVerified: true,
    apple: { email: undefined, emailVerified: 'false' },
    facebook: { email: undefined },
  },
  { hint: 'gusti', given: 'Gusti', family: 'Graf', email: 'gusti@people.example', emailVerified: 'false', apple: { emailVerified: true, transferred: true } },
  // Claims addresses that belong to other people, wherever a provider lets one type an address in.
  {
    hint: 'mallory',
    given: 'Mallory',
    family: 'Malik',
    email: 'anna.demo@gmail.com',
    emailVerified: true,
    google: { email: 'ben@firma.example', emailVerified: false },
    apple: { email: relayOf('mallory'), relay: true },
  },
]

/** Everybody whom the picker shows. */
export const knownPeople = (provider: ProviderName): readonly Profile[] => people.map((person) => profileAt(provider, person))

/** The person whom a hint means: a demo person's id, one of the endless `person-<n>` and `gmail-<n>`, or the address of either. */
export function findPerson(provider: ProviderName, hint: string): Profile | undefined {
  const wanted = hint.toLowerCase()
  return crowd(wanted) ?? knownPeople(provider).find((person) => person.hint === wanted || person.email === wanted)
}

const subjects: Readonly<Record<ProviderName, (hint: string, scope: string) => string>> = {
  google: (hint) => `1${digits(20, 'google', hint)}`,
  apple: (hint, scope) => `000792.${hex('apple', scope, hint).slice(0, 32)}.0638`,
  facebook: (hint, scope) => `1015${digits(13, 'facebook', scope, hint)}`,
  haus: (hint) => hex('haus', hint).slice(0, 24),
}

/** The stable subject of a person. `scope` is what pairwise providers keep apart: Apple's team, Facebook's app. */
export const subjectOf = (provider: ProviderName, person: Profile, scope = ''): string => person.subject ?? subjects[provider](person.hint, scope)

function profileAt(provider: ProviderName, { google, apple, facebook, haus, ...person }: Person): Profile {
  const own = { google, apple, facebook, haus }[provider]
  const name = [person.given, person.family].filter(Boolean).join(' ')
  return { name, picture: pictureOf(person.hint), ...person, ...own }
}

function crowd(wanted: string): Profile | undefined {
  const [, n] = /^person-(\d{1,9})(?:@people\.example)?$/.exec(wanted) ?? []
  if (n !== undefined) return oneOfMany(n, `person-${n}`, `person-${n}@people.example`)
  const [, ofHint, ofAddress] = /^(?:gmail-(\d{1,9})|gmail\.person\.(\d{1,9})@gmail\.com)$/.exec(wanted) ?? []
  const g = ofHint ?? ofAddress
  return g === undefined ? undefined : oneOfMany(g, `gmail-${g}`, `gmail.person.${g}@gmail.com`)
}

const oneOfMany = (n: string, hint: string, email: string): Profile => ({
  hint,
  name: `Person ${n}`,
  given: 'Person',
  family: n,
  email,
  emailVerified: true,
  picture: pictureOf(hint),
})

const pictureOf = (hint: string) => `https://pictures.people.example/${hint}.png`
