import { normaliseAddress } from '../linking/address.ts'
import { isPublicHost } from './public-address.ts'
import type { Claims } from './provider.ts'

type Unread = Readonly<Record<string, unknown>>

/** What a provider says about a person beyond who it is, cleaned and bounded; what is unfit is left out and the login goes on. */
export function profileClaims(said: {
  given?: unknown
  family?: unknown
  picture?: unknown
  locale?: unknown
}): Pick<Claims, 'givenName' | 'familyName' | 'pictureUrl' | 'locale'> {
  const givenName = cleanName(said.given)
  const familyName = cleanName(said.family)
  const pictureUrl = cleanPicture(said.picture)
  const locale = cleanLocale(said.locale)
  return {
    ...(givenName !== undefined && { givenName }),
    ...(familyName !== undefined && { familyName }),
    ...(pictureUrl !== undefined && { pictureUrl }),
    ...(locale !== undefined && { locale }),
  }
}

/** The address in its one form, or none. */
export function addressClaim(text: unknown, vouch: (address: string) => Omit<NonNullable<Claims['address']>, 'value'>): Pick<Claims, 'address'> {
  const value = typeof text === 'string' ? normaliseAddress(text) : null
  return value === null ? {} : { address: { value, ...vouch(value) } }
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/** Providers send flags as booleans and as text, and `"false"` is truthy: only these two mean yes. */
export const isTrue = (flag: unknown): boolean => flag === true || flag === 'true'

/** The provider's own words about the login, as text for the record. */
export function assuranceClaims(said: Unread, names: readonly string[]): Claims['assurance'] {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Array.isArray(said[name]) ? said[name].join(' ') : said[name]
      const words = typeof value === 'number' ? String(value) : cleanName(value)
      return words === undefined ? [] : [[name, words]]
    }),
  )
}

// Surrogates without a partner, controls, format characters (bidi overrides, zero width), private use. Markup stays: it is text.
const unfit = /[\p{Cs}\p{Cc}\p{Cf}\p{Co}]/gu

/** A name as text for people: one line, composed (NFC), at most 200 code points. */
export function cleanName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  // Cut first: normalising a megabyte of combining marks is what an attacker would want.
  const line = value
    .slice(0, 4_000)
    .replace(/[\s\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(unfit, '')
    .normalize('NFC')
  return /^.{0,200}/su.exec(line.trim())?.[0].trim() || undefined
}

/** https on a public host, under 2 kB. The gateway itself never fetches it. */
export function cleanPicture(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length >= 2048) return undefined
  const url = URL.parse(value)
  const fits = url?.protocol === 'https:' && url.username === '' && url.password === '' && isPublicHost(url.hostname) && url.href.length < 2048
  return fits ? url.href : undefined
}

/** A BCP 47 tag; the underscore that some providers write is taken as well. */
export function cleanLocale(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 35 || !/^[a-z]{2,3}(?:[-_][a-z\d]{2,8})*$/i.test(value)) return undefined
  try {
    return Intl.getCanonicalLocales(value.replaceAll('_', '-'))[0]
  } catch {
    return undefined // the shape is right, the tag is not
  }
}
