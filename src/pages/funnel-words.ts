import type { FunnelStep } from '../audit/login-funnel.ts'
import type { Language } from './words.ts'

/** What is said about the login funnel. */
export interface FunnelWords {
  readonly title: string
  readonly text: string
  readonly nothing: string
  readonly steps: Readonly<Record<FunnelStep, string>>
  readonly step: string
  readonly logins: string
  readonly plot: string
  readonly byProvider: string
  readonly provider: string
  readonly rate: string
  readonly reasons: string
  readonly answers: string
  readonly took: string
  readonly count: string
  readonly variants: string
  readonly variant: string
  readonly better: string
  readonly noBetter: string
  readonly findings: string
  readonly finding: string
  readonly noFinding: string
  readonly notBack: string
  readonly dimensions: Readonly<Record<string, string>>
}

const en: FunnelWords = {
  title: 'How far logins come',
  text: 'Browsers, each counted once a day, in whole groups of {k}; what is smaller is not shown. From {from} up to {to}.',
  nothing: 'Nothing in this period is as large as a group.',
  steps: {
    shown: 'Login page shown',
    started: 'Way in chosen',
    atProvider: 'Sent to the provider',
    cancelled: 'Cancelled',
    failed: 'Failed',
    factorAsked: 'Asked for a second factor',
    finished: 'Finished',
    took: 'Time it took',
    consent: 'Consent',
    arrived: 'Finished after the page was shown',
    linkStarted: 'Adding a way in begun',
    linked: 'Way in added',
    linkFailed: 'Adding a way in failed',
  },
  step: 'Step',
  logins: 'Logins',
  plot: 'A bar for each step, as long as the number of logins that came to it. The numbers are in the table below.',
  byProvider: 'Finished, of those who chose it',
  provider: 'Way in',
  rate: 'Rate',
  reasons: 'Why logins failed',
  answers: 'What was answered about consent',
  took: 'How long logins took',
  count: 'Number',
  variants: 'Two forms of the login page',
  variant: 'Form',
  better: '{better} is better beyond chance (chi-squared {chi}, p = {p}).',
  noBetter: 'A difference beyond chance is not known (chi-squared {chi}, p = {p}).',
  findings: 'What would lower drop-out most',
  finding: '{dimension} {value}: {rate} finish, of the others {others}. At their rate, {lost} more would have. Most of the rest: {mostly}.',
  noFinding: 'No part of the logins is worse than the rest beyond chance.',
  notBack: 'did not come back',
  dimensions: { provider: 'Way in', device: 'Device', client: 'Shop' },
}

const de: FunnelWords = {
  title: 'Wie weit Anmeldungen kommen',
  text: 'Browser, jeder einmal am Tag gezählt, in ganzen Gruppen von {k}; Kleineres wird nicht gezeigt. Vom {from} bis vor {to}.',
  nothing: 'In dieser Zeit ist nichts so groß wie eine Gruppe.',
  steps: {
    shown: 'Anmeldeseite gezeigt',
    started: 'Weg gewählt',
    atProvider: 'Zum Anbieter geschickt',
    cancelled: 'Abgebrochen',
    failed: 'Gescheitert',
    factorAsked: 'Nach zweitem Faktor gefragt',
    finished: 'Beendet',
    took: 'Dauer',
    consent: 'Einwilligung',
    arrived: 'Beendet, nachdem die Seite gezeigt war',
    linkStarted: 'Weiteren Weg begonnen',
    linked: 'Weiterer Weg verknüpft',
    linkFailed: 'Weiterer Weg gescheitert',
  },
  step: 'Schritt',
  logins: 'Anmeldungen',
  plot: 'Ein Balken je Schritt, so lang wie die Zahl der Anmeldungen, die ihn erreicht haben. Die Zahlen stehen in der Tabelle darunter.',
  byProvider: 'Beendet, von denen, die ihn gewählt haben',
  provider: 'Weg',
  rate: 'Anteil',
  reasons: 'Woran Anmeldungen gescheitert sind',
  answers: 'Was zur Einwilligung geantwortet wurde',
  took: 'Wie lange Anmeldungen dauerten',
  count: 'Zahl',
  variants: 'Zwei Formen der Anmeldeseite',
  variant: 'Form',
  better: '{better} ist besser, über den Zufall hinaus (Chi-Quadrat {chi}, p = {p}).',
  noBetter: 'Ein Unterschied über den Zufall hinaus ist nicht bekannt (Chi-Quadrat {chi}, p = {p}).',
  findings: 'Was Abbrüche am meisten senken würde',
  finding: '{dimension} {value}: {rate} beenden, von den übrigen {others}. Bei deren Anteil wären es {lost} mehr. Die meisten anderen: {mostly}.',
  noFinding: 'Kein Teil der Anmeldungen ist über den Zufall hinaus schlechter als der Rest.',
  notBack: 'kamen nicht zurück',
  dimensions: { provider: 'Weg', device: 'Gerät', client: 'Laden' },
}

export const funnelWords: Readonly<Record<Language, FunnelWords>> = { de, en }
