import type { Policy, Purpose } from '../config/policy.ts'
import { filled } from './words-safety.ts'
import { categoryWord, durationWord, wordsIn, type Language } from './words.ts'

interface NoticeWords {
  readonly title: string
  readonly responsible: string
  readonly sources: string
  readonly sourcesText: string
  readonly purposes: string
  readonly basis: string
  readonly data: string
  readonly recipients: string
  readonly processors: string
  readonly kept: string
  readonly lastVisit: string
  readonly held: string
  readonly rights: string
  readonly rightsText: readonly string[]
  readonly nothingAutomatic: string
}

const notices: Readonly<Record<Language, NoticeWords>> = {
  de: {
    title: 'Datenschutzhinweise',
    responsible: 'Verantwortlich',
    sources: 'Woher die Daten kommen',
    sourcesText:
      'Von Ihnen selbst, und beim Anmelden von dem Anbieter, den Sie wählen: {names}. Er nennt uns Name, Mail-Adresse, Bild und Sprache, soweit Sie es dort erlauben.',
    purposes: 'Wofür Daten genutzt werden',
    basis: 'Grundlage',
    data: 'Daten',
    recipients: 'Wer sie bekommt',
    processors: 'In unserem Auftrag',
    kept: 'Wie lange',
    lastVisit: '{time} nach Ihrem letzten Besuch',
    held: 'nach einer Löschung noch {time}, verschlüsselt und nur hierfür',
    rights: 'Ihre Rechte',
    rightsText: [
      'Im Kundenkonto sehen Sie alles, was wir wissen, wer es gelesen hat und was jeder gerade sehen könnte (Art. 15 DSGVO). Sie können es berichtigen (Art. 16) und als Archiv mitnehmen (Art. 15, 20).',
      'Jede Einwilligung nehmen Sie dort so leicht zurück, wie Sie sie geben; das gilt für den nächsten Zugriff (Art. 7 Abs. 3). Wo wir uns auf ein berechtigtes Interesse stützen, können Sie dort widersprechen (Art. 21).',
      'Sie können die Verarbeitung anhalten (Art. 18) und Ihr Konto löschen (Art. 17). Schreiben Sie uns lieber, antworten wir binnen eines Monats (Art. 12 Abs. 3).',
      'Sie können sich bei einer Datenschutz-Aufsichtsbehörde beschweren (Art. 77).',
    ],
    nothingAutomatic: 'Entscheidungen mit rechtlicher Wirkung trifft hier niemand automatisch (Art. 22).',
  },
  en: {
    title: 'Privacy notice',
    responsible: 'Who is responsible',
    sources: 'Where data comes from',
    sourcesText:
      'From yourself, and when you sign in from the provider that you choose: {names}. It tells us name, e-mail address, picture and language, as far as you allow it there.',
    purposes: 'What data is used for',
    basis: 'Basis',
    data: 'Data',
    recipients: 'Who gets it',
    processors: 'On our behalf',
    kept: 'For how long',
    lastVisit: '{time} after your last visit',
    held: 'after an erasure for {time} more, encrypted and for this only',
    rights: 'Your rights',
    rightsText: [
      'In the account centre you see all that we know, who has read it, and what each of them could see now (Art. 15 GDPR). You can correct it (Art. 16) and take it with you as an archive (Art. 15, 20).',
      'You take any consent back there as easily as you give it; that holds for the next access (Art. 7(3)). Where we rely on a legitimate interest, you can object there (Art. 21).',
      'You can stop the processing (Art. 18) and delete your account (Art. 17). If you rather write to us, we answer within one month (Art. 12(3)).',
      'You can complain to a data protection authority (Art. 77).',
    ],
    nothingAutomatic: 'Nobody here takes decisions with legal effect automatically (Art. 22).',
  },
}

export interface NoticeInput {
  readonly policy: Policy
  readonly clients: readonly { readonly name: string; readonly purposes: number }[]
  /** Names of the providers that people sign in with. */
  readonly sources: readonly string[]
  readonly language: Language
}

/** The privacy notice (Art. 13, 14 GDPR) in Markdown, from the policy, the clients and the providers. Pure. */
export function noticeOf({ policy, clients, sources, language }: NoticeInput): string {
  const words = notices[language]
  const names = new Intl.ListFormat(language, { type: 'disjunction' }).format(sources)
  return [
    `# ${words.title}`,
    `## ${words.responsible}\n\n${policy.controller.name}, ${policy.controller.contact}`,
    `## ${words.sources}\n\n${filled(words.sourcesText, { names })}`,
    `## ${words.purposes}`,
    ...policy.purposes.filter(({ builtIn }) => !builtIn).map((purpose) => purposeText(purpose, policy, clients, language)),
    `## ${words.rights}\n\n${words.rightsText.join('\n\n')}\n\n${words.nothingAutomatic}`,
    '',
  ].join('\n\n')
}

function purposeText(purpose: Purpose, policy: Policy, clients: NoticeInput['clients'], language: Language): string {
  const [words, all] = [notices[language], wordsIn(language)]
  const told = purpose.texts.get(language) ?? purpose.texts.get(policy.defaultLocale)
  const list = (items: readonly string[]) => new Intl.ListFormat(language).format(items)
  const formWord = (form: keyof typeof all.forms) => (all.forms[form] === '' ? '' : ` – ${all.forms[form]}`)
  const held = purpose.keptAfterErasure === null ? [] : [filled(words.held, { time: durationWord(language, purpose.keptAfterErasure) })]
  const rows = [
    [words.basis, all.bases[purpose.legalBasis]],
    [words.data, list(purpose.coverage.map(({ category, form }) => categoryWord(all, category) + formWord(form)))],
    [words.recipients, list(clients.filter(({ purposes }) => (purposes & purpose.mask) !== 0).map(({ name }) => name))],
    [words.processors, list(purpose.processors)],
    [words.kept, [filled(words.lastVisit, { time: durationWord(language, purpose.retention) }), ...held].join('; ')],
  ] as const
  const facts = rows.filter(([, value]) => value !== '').map(([name, value]) => `- **${name}:** ${value}`)
  return `### ${told?.title ?? purpose.id}\n\n${told?.text ?? ''}\n\n${facts.join('\n')}`
}
