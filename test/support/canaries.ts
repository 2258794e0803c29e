import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { naiveAnswer, type NaiveCustomer, type NaiveField, type NaivePurpose } from './naive-gate.ts'

/** A stored value that is nobody else's and can be told in any text, and where it is stored. */
export interface Canary {
  readonly person: string
  readonly field: string
  readonly value: string
}

/** Twenty characters that occur once in the world. */
export const newCanary = (): string => `cnry${randomBytes(8).toString('hex')}`

/** Looks for all canaries in a text: as they are, in capitals or not, in base64 at any offset, in hex, in URLs, and as hashes. */
export function scannerOf(canaries: readonly Canary[]): (text: string) => string[] {
  const needles = canaries.flatMap(({ person, field, value }) => {
    // Of an address the part that is its own, of a URL the name.
    const core = /cnry[0-9a-f]{16}/.exec(value)?.[0] ?? value
    const named = (form: string, needle: string) => ({ name: `${person} ${field} ${form}`, needle, folded: form === 'raw' || form === 'hex' })
    const hashes = ['md5', 'sha1', 'sha256', 'sha512'].flatMap((kind) => {
      const digest = createHash(kind).update(value).digest()
      return [named(`${kind} hex`, digest.toString('hex')), named(`${kind} base64`, digest.toString('base64url').slice(0, 20))]
    })
    return [
      named('raw', core),
      named('hex', Buffer.from(core).toString('hex')),
      ...[0, 1, 2].map((offset) => named(`base64+${offset}`, base64At(core, offset))),
      ...hashes,
    ]
  })
  return (text) => {
    const opened = `${text}\n${unpacked(text)}`
    const lower = opened.toLowerCase()
    const url = opened.replaceAll('-', '+').replaceAll('_', '/')
    return needles
      .filter(({ needle, folded }) => (folded ? lower : opened).includes(needle) || url.includes(needle.replaceAll('-', '+').replaceAll('_', '/')))
      .map(({ name }) => name)
  }
}

/** The characters of the base64 of something that holds `value` after `offset` bytes which depend on `value` alone. */
function base64At(value: string, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString('base64')
  return text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + value.length) * 4) / 3))
}

/** What JSON Web Tokens in the text say. */
const unpacked = (text: string): string =>
  [...text.matchAll(/eyJ[\w-]+\.([\w-]+)/g)].map(([, payload = '']) => Buffer.from(payload, 'base64url').toString()).join('\n')

interface PolicyFile {
  readonly purposes: readonly (NaivePurpose & { readonly clients: readonly string[] })[]
}
const { purposes } = parse(readFileSync(new URL('../../demo/policy.yaml', import.meta.url), 'utf8')) as PolicyFile

export const purposesOf = (client: string): string[] => purposes.filter(({ clients }) => clients.includes(client)).map(({ id }) => id)
export const versionOf = (purpose: string): string => purposes.find(({ id }) => id === purpose)?.texts.at(-1)?.version ?? ''
export const purposeIds = purposes.map(({ id }) => id)

const stringOf = (category: string): NaiveField => ({ category, type: 'String', list: false })

/** Every field of a customer that shows a stored value. */
export const fields: Readonly<Record<string, NaiveField>> = {
  email: stringOf('user.contact.email'),
  givenName: stringOf('user.name'),
  familyName: stringOf('user.name'),
  pictureUrl: stringOf('user.content.self_image'),
  birthYear: { category: 'user.demographic', type: 'Int', list: false },
  postcode: stringOf('user.contact.address.postal_code'),
  country: stringOf('user.contact.address.country'),
  locale: stringOf('user.demographic.language'),
  'traits.clothingSize': stringOf('user.demographic.profile'),
  'traits.favouriteColours': { category: 'user.demographic.profile', type: 'String', list: true },
  'traits.newsletterRhythm': { category: 'user.account.settings', type: 'NewsletterRhythm', list: false },
  identities: { category: 'user.account', type: 'Identity', list: true },
}

/** All of them, as a selection. */
export const everything =
  'id email givenName familyName pictureUrl birthYear postcode country locale traits { clothingSize favouriteColours newsletterRhythm } identities { id provider email } consents { purpose state textVersion }'

/** A form or a reason, by the naive gate; the person at the account centre sees all of it. */
export const expectedForm = (field: string, token: readonly string[] | 'the person', customer: NaiveCustomer): string => {
  const kind = fields[field]
  if (kind === undefined) throw new Error(`no field ${field}`)
  return token === 'the person' ? 'FULL' : naiveAnswer(purposes, kind, token, customer, new Date())
}

const shown = ['FULL', 'BAND', 'REGION', 'PRESENCE', 'HASH', 'HASH matchable']
export const isShown = (form: string): boolean => shown.includes(form)

/** Whether the customer exists for a tool: each purpose of the demo covers some field. */
export const exists = (token: readonly string[], customer: NaiveCustomer): boolean =>
  Object.keys(fields).some((field) => isShown(expectedForm(field, token, customer)))
