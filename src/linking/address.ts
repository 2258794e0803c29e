import { domainToASCII, domainToUnicode } from 'node:url'

/**
 * The one form of a mail address that is stored, hashed and compared: ASCII local part, IDNA domain, ASCII letters in lower case.
 * Null for whatever could be read in two ways: several `@`, quotes, comments, spaces, invisible or compatibility characters.
 * Dots and `+tags` stay: they belong to the mailbox, and only its provider knows what they mean (RFC 5321 2.3.11).
 */
export function normaliseAddress(text: string): string | null {
  if (text.length > longest) return null
  const at = text.indexOf('@')
  const local = text.slice(0, at)
  const domain = asciiDomain(text.slice(at + 1))
  if (at < 1 || domain === null || local.length > longestLocal || !dotAtom.test(local)) return null
  const address = `${lowerAscii(local)}@${domain}`
  return address.length <= longest ? address : null
}

const longest = 254 // octets, RFC 5321 4.5.3.1.3
const longestLocal = 64 // RFC 5321 4.5.3.1.1
const dotAtom = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
const hostName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/

function asciiDomain(domain: string): string | null {
  const ascii = domainToASCII(domain)
  const unicode = domainToUnicode(ascii)
  // Not every `xn--` label is punycode of something.
  if (!hostName.test(ascii) || domainToASCII(unicode) !== ascii || unicode.includes('xn--')) return null
  // IDNA maps look-alikes away (full-width letters, Kelvin sign, soft hyphen). Who needs that mapping did not write this domain.
  const written = lowerLetters(domain)
  return ascii === written || unicode === written ? ascii : null
}

const lowerAscii = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

// A letter such as the Kelvin sign, whose small form is ASCII, stays as it is and so fails the comparison.
const lowerLetters = (text: string) =>
  lowerAscii(text).replace(/[^\0-\x7f]/gu, (letter) => {
    const small = letter.toLowerCase()
    return /[\0-\x7f]/.test(small) ? letter : small
  })
