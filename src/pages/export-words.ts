import type { ExportState } from '../privacy/export-state.ts'
import type { Language } from './words.ts'

/** What the account centre and the archive itself say about everything that is kept. */
export interface ExportWords {
  readonly title: string
  readonly text: string
  readonly ask: string
  readonly fetch: string
  readonly askedOn: string
  readonly until: string
  readonly states: Readonly<Record<ExportState, string>>
  readonly archive: string
  readonly madeOn: string
  readonly nothing: string
  readonly said: string
  readonly yourself: string
  readonly profile: string
  readonly logins: string
  readonly decisions: string
  readonly recipients: string
  readonly noRecipient: string
  readonly security: string
  readonly devices: string
  readonly factors: Readonly<Record<'passkey' | 'totp' | 'recoveryCodes', string>>
  readonly merges: string
  readonly files: string
  readonly filesText: string
  readonly file: Readonly<Record<string, string>>
}

const de: ExportWords = {
  title: 'Alle Ihre Daten',
  text: 'Sie bekommen alles, was über Sie gespeichert ist, als ein Archiv: zum Lesen und für andere Programme. Wir schreiben Ihnen, wenn es bereitliegt. Abholen können nur Sie es, hier, für kurze Zeit; wenn Sie sich überall abmelden, verfällt es.',
  ask: 'Alle Daten anfordern',
  fetch: 'Archiv abholen',
  askedOn: 'Angefordert am',
  until: 'Abholbar bis',
  states: { PENDING: 'Wird zusammengestellt', READY: 'Liegt bereit', EXPIRED: 'Abgelaufen', FAILED: 'Nicht gelungen; bitte noch einmal anfordern' },
  archive: 'Was über Sie gespeichert ist',
  madeOn: 'Stand',
  nothing: 'Nichts.',
  said: 'von',
  yourself: 'Ihnen selbst',
  profile: 'Ihr Profil',
  logins: 'Ihre Anmeldewege',
  decisions: 'Ihre Entscheidungen',
  recipients: 'Wer welche Angaben bekäme',
  noRecipient: 'Bekommt zurzeit nichts.',
  security: 'Zweite Faktoren',
  devices: 'Ihre Geräte',
  factors: { passkey: 'Passkey', totp: 'Authenticator-App', recoveryCodes: 'Wiederherstellungscodes' },
  merges: 'Zusammengeführte Konten',
  files: 'Alle Dateien dieses Archivs',
  filesText: 'Diese Seite ist eine Übersicht. Vollständig steht alles in den Dateien daneben.',
  file: {
    'profile.json': 'Ihr Profil, in den Begriffen von schema.org',
    'sources.json': 'Woher jede Angabe stammt, und seit wann',
    'account.json': 'Ihr Konto: Anmeldungen, bestätigte Adressen, frühere Archive',
    'identities.json': 'Ihre Anmeldewege',
    'devices.json': 'Browser, mit denen Sie sich angemeldet haben',
    'factors.json': 'Ihre zweiten Faktoren: Namen und Zeiten',
    'decisions.json': 'Ihre geltenden Entscheidungen',
    'purposes.json': 'Wofür Daten gebraucht werden: Texte, Rechtsgrundlagen, Empfänger, Fristen und die Regel dahinter',
    'derived.json': 'Was wir aus Ihrem Verhalten schließen: Werte, Interessen und Gruppen, mit der Regel dahinter und was davon auf Sie zutrifft',
    'recipients.json': 'Was jeder Empfänger zurzeit bekäme, und unter welcher Kennung er Sie kennt',
    'merges.json': 'Zusammengeführte Konten, wie sie vorher waren',
    'requests.json': 'Anfragen, die für Sie gestellt wurden',
    'consent-ledger.ndjson': 'Jede Ihrer Entscheidungen, wie sie aufgezeichnet wurde',
    'consent-receipts.ndjson': 'Die Belege dazu',
    'events.ndjson': 'Was Sie im Laden getan haben, soweit es aufgehoben ist, und wofür',
    'who-read-what.csv': 'Wer wann was wofür gelesen oder geändert hat, als Tabelle',
    'who-read-what.json': 'Dasselbe für Programme',
    'manifest.json': 'Die Prüfsummen aller Dateien',
  },
}

const en: ExportWords = {
  title: 'All your data',
  text: 'You get everything that is kept about you as one archive: to read, and for other programs. We write to you when it is ready. Only you can fetch it, here, for a short time; when you sign out everywhere, it lapses.',
  ask: 'Ask for all data',
  fetch: 'Fetch the archive',
  askedOn: 'Asked for on',
  until: 'Can be fetched until',
  states: { PENDING: 'Being put together', READY: 'Ready', EXPIRED: 'Expired', FAILED: 'Did not work; please ask once more' },
  archive: 'What is kept about you',
  madeOn: 'As of',
  nothing: 'Nothing.',
  said: 'by',
  yourself: 'yourself',
  profile: 'Your profile',
  logins: 'Your ways to sign in',
  decisions: 'Your decisions',
  recipients: 'Who would get what',
  noRecipient: 'Gets nothing at present.',
  security: 'Second factors',
  devices: 'Your devices',
  factors: { passkey: 'Passkey', totp: 'Authenticator app', recoveryCodes: 'Recovery codes' },
  merges: 'Joined accounts',
  files: 'All files of this archive',
  filesText: 'This page is an overview. The files beside it have everything in full.',
  file: {
    'profile.json': 'Your profile, in the terms of schema.org',
    'sources.json': 'Where each value comes from, and since when',
    'account.json': 'Your account: sign-ins, proved addresses, earlier archives',
    'identities.json': 'Your ways to sign in',
    'devices.json': 'Browsers that you have signed in with',
    'factors.json': 'Your second factors: names and times',
    'decisions.json': 'Your decisions in force',
    'purposes.json': 'What data is used for: texts, legal bases, recipients, periods, and the rule behind them',
    'derived.json': 'What we infer from your behaviour: values, interests and groups, with the rule behind them and what of it is so for you',
    'recipients.json': 'What each recipient would get at present, and the id it knows you by',
    'merges.json': 'Joined accounts, as they were before',
    'requests.json': 'Requests that were made for you',
    'consent-ledger.ndjson': 'Each of your decisions as it was recorded',
    'consent-receipts.ndjson': 'The receipts for them',
    'events.ndjson': 'What you did in the shop, as far as it is kept, and what for',
    'who-read-what.csv': 'Who read or changed what, when and for what, as a table',
    'who-read-what.json': 'The same for programs',
    'manifest.json': 'The checksums of all files',
  },
}

export const exportWords: Readonly<Record<Language, ExportWords>> = { de, en }
