import type { Language } from './words.ts'

/** What the account centre says about leaving for good. `{…}` is filled in by `filled`. */
export interface ErasureWords {
  readonly title: string
  readonly text: string
  readonly see: string
  readonly told: readonly string[]
  readonly atOnce: string
  readonly later: string
  readonly kept: string
  readonly button: string
  readonly waiting: string
  readonly takeBack: string
  readonly done: string
  readonly doneText: string
  readonly going: string
  readonly receipt: string
  readonly certificate: string
}

const de: ErasureWords = {
  title: 'Konto löschen',
  text: 'Ihr Konto und alles, was wir über Sie wissen, verschwindet. Vorher können Sie sich ansehen, was dabei geschieht.',
  see: 'Was beim Löschen geschieht',
  told: [
    'Ihr Profil, Ihre Anmeldewege, Geräte, Schlüssel und wartenden Nachrichten werden entfernt.',
    'Sie sind sofort überall abgemeldet, in jedem Laden.',
    'Anbieter, bei denen das geht, erfahren, dass wir keinen Zugang mehr wollen.',
    'Es bleibt ein Nachweis ohne Angaben zu Ihnen: dass und wie entschieden und zugegriffen wurde.',
    'Melden Sie sich später wieder an, sind Sie jemand Neues, der noch nichts entschieden hat.',
  ],
  atOnce: 'Das geschieht sofort und lässt sich nicht zurücknehmen.',
  later: 'Das geschieht nach {time}. Bis dahin können Sie es hier zurücknehmen.',
  kept: 'Für „{purpose}“ müssen wir {time} lang aufheben: {data}. Das liegt verschlüsselt für sich und dient nichts anderem.',
  button: 'Endgültig löschen',
  waiting: 'Ihr Konto wird gelöscht am',
  takeBack: 'Löschung zurücknehmen',
  done: 'Sie sind gelöscht',
  doneText: 'Niemand hier weiß mehr etwas über Sie. Dies ist der Nachweis; heben Sie ihn auf, wenn Sie ihn brauchen.',
  going: 'Sie sind gelöscht und überall abgemeldet. Die letzten Spuren werden gerade entfernt; der Nachweis folgt unter dieser Nummer.',
  receipt: 'Nummer',
  certificate: 'Nachweis (signiert)',
}

const en: ErasureWords = {
  title: 'Delete your account',
  text: 'Your account goes, and with it all that we know of you. You can see first what will happen.',
  see: 'What deleting does',
  told: [
    'Your profile, logins, devices, keys and waiting messages are removed.',
    'You are signed out everywhere at once, in every shop.',
    'Providers that can be told learn that we no longer want access.',
    'A proof stays that says nothing of you: that and how decisions were made and data was read.',
    'If you sign in again later, you are somebody new who has decided nothing yet.',
  ],
  atOnce: 'This happens at once and cannot be taken back.',
  later: 'This happens after {time}. Until then you can take it back here.',
  kept: 'For “{purpose}” we have to keep for {time}: {data}. It lies encrypted by itself and serves nothing else.',
  button: 'Delete for good',
  waiting: 'Your account will be deleted on',
  takeBack: 'Take it back',
  done: 'You are deleted',
  doneText: 'Nobody here knows anything of you any more. This is the proof; keep it if you need it.',
  going: 'You are deleted and signed out everywhere. The last traces are being removed; the proof follows under this number.',
  receipt: 'Number',
  certificate: 'Proof (signed)',
}

export const erasureWords: Readonly<Record<Language, ErasureWords>> = { de, en }
