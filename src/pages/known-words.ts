import type { Language } from './words.ts'

/** What the account centre says about where its knowledge comes from. */
export interface KnownWords {
  readonly title: string
  readonly text: string
  readonly said: string
  readonly saidText: string
  readonly told: string
  readonly toldText: string
  readonly inferred: string
  readonly inferredText: string
  readonly nothing: string
  readonly since: string
  readonly by: string
  readonly sure: string
  readonly change: string
  readonly interests: string
  readonly notMe: string
  readonly groups: string
  readonly worked: string
  readonly off: string
  readonly offText: string
  readonly on: string
  readonly kinds: Readonly<Record<string, string>>
}

const en: KnownWords = {
  title: 'What is known, and from whom',
  text: 'All of it is yours to correct. Who may see what of it is decided above, purpose by purpose.',
  said: 'What you said',
  saidText: 'Your own word counts more than anybody else’s.',
  told: 'What your logins told',
  toldText: 'It came along when you signed in. What you change here stays as you say it.',
  inferred: 'What was inferred',
  inferredText: 'Nobody said this. It was worked out of what you did in the shop, for purposes that you allow, and fades by itself.',
  nothing: 'Nothing.',
  since: 'since',
  by: 'from',
  sure: 'Reliability',
  change: 'Change',
  interests: 'Interests',
  notMe: 'Not me',
  groups: 'Groups you are in',
  worked: 'Counted',
  off: 'Switched off',
  offText: 'This is not inferred any more, for nothing and nobody.',
  on: 'Allow again',
  kinds: { category: 'Kind of goods', brand: 'Brand' },
}

const de: KnownWords = {
  title: 'Was bekannt ist, und von wem',
  text: 'Alles davon können Sie berichtigen. Wer was davon sehen darf, entscheiden Sie oben, Zweck für Zweck.',
  said: 'Was Sie gesagt haben',
  saidText: 'Ihr eigenes Wort zählt mehr als das aller anderen.',
  told: 'Was Ihre Anmeldungen mitgeteilt haben',
  toldText: 'Das kam mit, als Sie sich angemeldet haben. Was Sie hier ändern, bleibt, wie Sie es sagen.',
  inferred: 'Was erschlossen wurde',
  inferredText: 'Das hat niemand gesagt. Es ergibt sich aus dem, was Sie im Laden getan haben, für Zwecke, die Sie erlauben, und verblasst von selbst.',
  nothing: 'Nichts.',
  since: 'seit',
  by: 'von',
  sure: 'Verlässlichkeit',
  change: 'Ändern',
  interests: 'Interessen',
  notMe: 'Das bin ich nicht',
  groups: 'Gruppen, in denen Sie sind',
  worked: 'Gezählt',
  off: 'Abgeschaltet',
  offText: 'Das wird nicht mehr erschlossen, für nichts und niemanden.',
  on: 'Wieder erlauben',
  kinds: { category: 'Warenart', brand: 'Marke' },
}

export const knownWords: Readonly<Record<Language, KnownWords>> = { de, en }
