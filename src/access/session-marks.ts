/** One way in; and a factor proved on top within ten minutes. Values of `acr` and `acr_values` (RFC 9470). */
export const acrs = { oneWay: 'urn:entente:acr:1', factor: 'urn:entente:acr:2' } as const
export type Acr = (typeof acrs)[keyof typeof acrs]

/** The values of RFC 8176 that are said here. */
const registered = ['hwk', 'swk', 'user', 'otp', 'mfa', 'kba'] as const
export type Amr = (typeof registered)[number]

/** How long a proved factor counts, in milliseconds. */
export const factorLasts = 600_000

/** What a session remembers of how it came to be. Times in milliseconds. */
export interface SessionMarks {
  /** The provider's id, `mail` or `passkey`. */
  readonly way: string | null
  /** `Device.id` of the customer. */
  readonly device: string | null
  /** When the person signed in, as the transaction that let them in says: the lives of the session count from it, and endings compare with it. */
  readonly signedInAt: number | null
  /** When a factor was last proved. */
  readonly provedAt: number | null
  readonly amr: readonly Amr[]
}

/** As the OpenID provider keeps them: its `amr` is copied from the session to codes and refresh tokens, and read by nobody else. */
export function writeMarks({ way, device, signedInAt, provedAt, amr }: SessionMarks): string[] {
  const own = Object.entries({ way, device, at: signedInAt, proved: provedAt })
  return [...own.flatMap(([name, value]) => (value === null ? [] : [`${name}:${value}`])), ...new Set(amr)]
}

export function readMarks(stored: readonly string[] = []): SessionMarks {
  const own = new Map(stored.map((entry) => [entry.slice(0, entry.indexOf(':') + 1), entry.slice(entry.indexOf(':') + 1)]))
  const number = (name: string) => (own.has(name) ? Number(own.get(name)) : null)
  return {
    // A session from before there were marks has the provider's id alone.
    way: own.get('way:') ?? stored.find((entry) => !entry.includes(':') && !isRegistered(entry)) ?? null,
    device: own.get('device:') ?? null,
    signedInAt: number('at:'),
    provedAt: number('proved:'),
    amr: stored.filter(isRegistered),
  }
}

const isRegistered = (value: string): value is Amr => registered.some((one) => one === value)

/** The `acr` of this moment: it falls back by itself when the factor was proved too long ago (milliseconds). */
export const acrAt = ({ provedAt }: SessionMarks, now: number): Acr => (provedAt !== null && now - provedAt <= factorLasts ? acrs.factor : acrs.oneWay)

/** What tokens say of the marks: neither the way in nor the device is a shop's business. */
export function claimsOfMarks(stored: readonly string[] | undefined, now: number): { readonly acr: Acr; readonly amr?: readonly Amr[] } {
  const marks = readMarks(stored)
  return { acr: acrAt(marks, now), ...(marks.amr.length > 0 && { amr: marks.amr }) }
}
