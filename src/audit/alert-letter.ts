import type { ToldAlert } from './alert-told.ts'

/** Who writes, in whose language. */
export interface AlertHouse {
  readonly name: string
  readonly locale: string
}

const words = {
  en: {
    subject: 'an alert',
    rule: 'Rule',
    about: 'About',
    times: 'Times',
    from: 'From',
    to: 'To',
    categories: 'Categories',
    end: 'Nobody is named here. An operator sees more with the query alerts, and answers with acknowledgeAlert.',
  },
  de: {
    subject: 'eine Warnung',
    rule: 'Regel',
    about: 'Betrifft',
    times: 'Anzahl',
    from: 'Von',
    to: 'Bis',
    categories: 'Kategorien',
    end: 'Hier ist niemand genannt. Mehr sieht der Betrieb mit der Abfrage alerts und antwortet mit acknowledgeAlert.',
  },
} as const

/** The letter about an alert. All of it is codes of ours; what clients are called has letters and digits only. */
export function alertLetter(alert: ToldAlert, house: AlertHouse): { subject: string; text: string; html: string } {
  const said = house.locale.startsWith('de') ? words.de : words.en
  const lines = [
    [said.rule, alert.rule],
    [said.about, alert.subject],
    [said.times, String(alert.times)],
    [said.from, alert.firstAt],
    [said.to, alert.lastAt],
    [said.categories, alert.categories.join(', ') || '–'],
  ].map(([name, value]) => `${name}: ${value}`)
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return {
    subject: `${house.name.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')}: ${said.subject} (${alert.rule})`,
    text: `${[...lines, '', said.end].join('\n')}\n`,
    html: `<!doctype html><html><body><p>${lines.map(escaped).join('<br>')}</p><p>${said.end}</p></body></html>`,
  }
}
