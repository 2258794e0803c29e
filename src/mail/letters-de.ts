import type { FactorKind } from '../storage/customers.ts'
import { moment, shown, type Dictionary } from './letter.ts'

const factors: Readonly<Record<FactorKind, string>> = {
  passkey: 'Ein Passkey wurde',
  totp: 'Eine Authenticator-App wurde',
  recoveryCodes: 'Neue Wiederherstellungscodes wurden',
}
const removed: typeof factors = { ...factors, recoveryCodes: 'Ihre Wiederherstellungscodes wurden' }
const lost = {
  revoked: 'Sie haben die Verbindung dort beendet.',
  disabled: 'Das Konto dort wurde gesperrt.',
  deleted: 'Das Konto dort wurde gelöscht.',
  addressOff: 'Die Weiterleitungsadresse stellt nichts mehr zu.',
} as const

export const german: Dictionary = {
  language: 'de',
  account: 'Ihr Kundenkonto',
  notYou: 'Waren Sie das nicht? Dann melden Sie sich im Kundenkonto überall ab und prüfen Sie Ihre Anmeldewege.',
  automatic: (house) => `Diese Nachricht schreibt ${house} automatisch; Antworten darauf werden nicht gelesen.`,
  letters: {
    signInCode: ({ code, minutes }) => ({
      subject: 'Ihr Code',
      paragraphs: [
        `Jemand hat mit Ihrer Adresse diesen Code angefordert. Er gilt einmal, im selben Browser, ${minutes} Minuten lang.`,
        'Niemand von uns fragt Sie je danach. Waren Sie es nicht, müssen Sie nichts tun: Ohne den Code geschieht nichts.',
      ],
      code,
      told: false,
    }),
    newDevice: ({ device, place, at, link }) => ({
      subject: 'Anmeldung auf einem neuen Gerät',
      paragraphs: [
        `Ihr Konto wurde auf einem bisher unbekannten Gerät geöffnet: ${shown(device)}${place === undefined ? '' : `, etwa ${shown(place)}`}, ${moment('de', at)}.`,
        'Waren Sie es, müssen Sie nichts tun.',
      ],
      link: { label: 'Das war ich nicht', url: link },
    }),
    identityLinked: ({ provider }) => ({
      subject: 'Anmeldeweg hinzugefügt',
      paragraphs: [`Die Anmeldung mit ${shown(provider)} öffnet ab jetzt Ihr Konto.`],
    }),
    identityUnlinked: ({ provider }) => ({
      subject: 'Anmeldeweg entfernt',
      paragraphs: [`Die Anmeldung mit ${shown(provider)} öffnet Ihr Konto nicht mehr.`],
    }),
    providerLost: ({ provider, why }) => ({
      subject: `${shown(provider)} ist kein Anmeldeweg mehr`,
      paragraphs: [
        lost[why],
        'Ihr Konto bleibt, wie es ist. Sie können sich anders anmelden: mit einem weiteren Anmeldeweg, einem Passkey oder einem Code per Mail.',
      ],
    }),
    factorAdded: ({ factor }) => ({ subject: 'Ihr Konto ist besser geschützt', paragraphs: [`${factors[factor]} zu Ihrem Konto hinzugefügt.`] }),
    factorRemoved: ({ factor }) => ({ subject: 'Ein Schutz wurde entfernt', paragraphs: [`${removed[factor]} aus Ihrem Konto entfernt.`] }),
    recoveryCodeUsed: ({ left }) => ({
      subject: 'Ein Wiederherstellungscode wurde benutzt',
      paragraphs: [`Einer Ihrer Wiederherstellungscodes wurde benutzt. Verbleibende Codes: ${left}.`],
    }),
    confirmConsent: ({ title, text, link }) => ({
      subject: 'bitte bestätigen Sie Ihre Einwilligung',
      paragraphs: [
        'Mit Ihrem Konto wurde gesagt, dass Sie in Folgendes einwilligen. Es gilt erst, wenn Sie es hier bestätigen; der Link gilt sieben Tage.',
        title,
        text,
        'Wenn Sie das nicht waren, ist nichts zu tun: Ohne Ihre Bestätigung geschieht nichts.',
      ],
      link: { label: 'Ansehen und bestätigen', url: link },
      told: false,
    }),
    factorLocked: () => ({
      subject: 'Zu viele Fehlversuche',
      paragraphs: ['Jemand hat sich mehrmals mit falschen Angaben ausgewiesen. Dieser Weg ist eine Weile gesperrt; Ihre anderen Wege gehen weiterhin.'],
    }),
    merged: () => ({
      subject: 'Ihre Konten sind eines',
      paragraphs: ['Zwei Konten wurden zu diesem zusammengeführt. 30 Tage lang können Sie das im Kundenkonto rückgängig machen.'],
    }),
    mergeUndone: () => ({ subject: 'Ihre Konten sind wieder getrennt', paragraphs: ['Die Zusammenführung Ihrer Konten wurde rückgängig gemacht.'] }),
    erasureRequested: ({ at }) => ({
      subject: 'Ihr Konto wird gelöscht',
      paragraphs: [
        `Ihr Konto und alles, was hier über Sie gespeichert ist, wird am ${moment('de', at)} gelöscht. Bis dahin können Sie das im Kundenkonto zurücknehmen.`,
      ],
    }),
    erasureCancelled: () => ({ subject: 'Ihr Konto bleibt', paragraphs: ['Die Löschung Ihres Kontos wurde zurückgenommen.'] }),
    exportReady: () => ({
      subject: 'Ihre Daten liegen bereit',
      paragraphs: ['Sie haben alles angefordert, was über Sie gespeichert ist. Das Archiv liegt jetzt für kurze Zeit in Ihrem Kundenkonto, nur für Sie.'],
    }),
    addressChanged: () => ({ subject: 'Ihre Adresse wurde geändert', paragraphs: ['Die Mail-Adresse Ihres Kontos wurde geändert.'] }),
  },
}
