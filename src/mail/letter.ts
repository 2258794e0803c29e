import type { FactorKind } from '../storage/customers.ts'

/** What each kind of letter tells beside its words. */
export interface LetterFacts {
  readonly signInCode: { readonly code: string; readonly minutes: number }
  /** `link` begins with the public address; `at` is ISO 8601. */
  readonly newDevice: { readonly device: string; readonly place?: string | undefined; readonly at: string; readonly link: string }
  readonly identityLinked: { readonly provider: string }
  readonly identityUnlinked: { readonly provider: string }
  readonly providerLost: { readonly provider: string; readonly why: 'revoked' | 'disabled' | 'deleted' | 'addressOff' }
  readonly factorAdded: { readonly factor: FactorKind }
  readonly factorRemoved: { readonly factor: FactorKind }
  readonly recoveryCodeUsed: { readonly left: number }
  /** Title and text as the policy words them; `link` begins with the public address. */
  readonly confirmConsent: { readonly title: string; readonly text: string; readonly link: string }
  readonly factorLocked: NoFacts
  readonly merged: NoFacts
  readonly mergeUndone: NoFacts
  readonly addressChanged: NoFacts
  readonly exportReady: NoFacts
  /** `at` is ISO 8601: from then on it cannot be taken back. */
  readonly erasureRequested: { readonly at: string }
  readonly erasureCancelled: NoFacts
}

type NoFacts = Readonly<Record<string, never>>
export type LetterKind = keyof LetterFacts
export type Letter = { readonly [Kind in LetterKind]: { readonly kind: Kind; readonly facts: LetterFacts[Kind] } }[LetterKind]

/** Who writes: the name of the shop's house, and the public address that every link begins with. */
export interface House {
  readonly name: string
  readonly publicUrl: string
}

/** A letter's words in one language. */
export interface LetterWords {
  readonly subject: string
  readonly paragraphs: readonly string[]
  /** A code that stands on a line of its own. */
  readonly code?: string
  /** Where to go; the account centre when nothing is said. */
  readonly link?: { readonly label: string; readonly url: string }
  /** False when nothing has happened that the reader may want to undo. */
  readonly told?: false
}

export interface Dictionary {
  readonly language: 'de' | 'en'
  readonly letters: { readonly [Kind in LetterKind]: (facts: LetterFacts[Kind]) => LetterWords }
  readonly account: string
  readonly notYou: string
  readonly automatic: (house: string) => string
}

/**
 * A value from outside as it may stand in a letter: one short line of letters, digits and harmless signs. Dots stay between digits only,
 * since mail programs make a link of whatever looks like a host name.
 */
export function shown(value: string): string {
  const plain = value.normalize('NFKC').replaceAll(/[^\p{L}\p{M}\p{N} ()+,.'-]/gu, ' ')
  return plain
    .replaceAll(/\.(?!\d)|(?<!\d)\./g, ' ')
    .replaceAll(/ +/g, ' ')
    .trim()
    .slice(0, 60)
}

/** A moment for readers: day and time, in UTC since we do not know where they are. */
export function moment(language: Dictionary['language'], at: string): string {
  return `${new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(new Date(at))} UTC`
}
