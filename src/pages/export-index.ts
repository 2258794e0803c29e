import type { ExportFacts } from '../privacy/export-facts.ts'
import { consentsOf } from '../consent/decisions.ts'
import { textIn } from './consent.ts'
import { exportWords } from './export-words.ts'
import { html, type Fragment, type Html } from './html.ts'
import { fieldWord, languageOf, momentWord, wordsIn, type Language } from './words.ts'

/** The first page of an archive, in German or English by the person's own language. It is whole: it loads nothing and runs nothing. */
export function exportIndex(facts: ExportFacts): string {
  const { person, policy, at } = facts
  const language = languageOf([person.locale, policy.defaultLocale], 'en')
  const words = exportWords[language]
  const sections: readonly (readonly [string, Fragment])[] = [
    [words.profile, profileOf(facts, language)],
    [words.logins, person.identities.map(({ provider, email, linkedAt }) => item([provider, email], linkedAt, language))],
    [words.decisions, decisionsOf(facts, language)],
    [words.recipients, recipientsOf(facts, language)],
    [words.devices, (person.devices ?? []).map(({ agent, place, lastAt }) => item([agent, place], lastAt, language))],
    [words.security, (person.factors ?? []).map(({ kind, name, addedAt }) => item([words.factors[kind], name], addedAt, language))],
    [words.merges, (person.merges ?? []).map(({ mergedAt }) => item([], mergedAt, language))],
  ]
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${words.archive}</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            max-width: 46em;
            margin: 2em auto;
            padding: 0 1em;
          }
          h2 {
            margin: 1.6em 0 0.4em;
          }
          li {
            overflow-wrap: anywhere;
          }
          small {
            opacity: 0.75;
          }
        </style>
      </head>
      <body>
        <h1>${words.archive}</h1>
        <p>${policy.controller.name} · ${policy.controller.contact}<br />${words.madeOn} ${momentWord(language, at.toISOString())}</p>
        ${sections.map(([title, body]) => section(title, body, words.nothing))}
        <h2>${words.files}</h2>
        <p>${words.filesText}</p>
        <ul>
          ${Object.entries(words.file).map(([name, text]) => html`<li><a href="${name}">${name}</a> – ${text}</li>`)}
        </ul>
      </body>
    </html> `.text
}

function section(title: string, body: Fragment, nothing: string): Html {
  const isEmpty = Array.isArray(body) && body.length === 0
  return html`<h2>${title}</h2>
    ${
      isEmpty
        ? html`<p>${nothing}</p>`
        : html`<ul>
            ${body}
          </ul>`
    }`
}

const item = (parts: readonly (string | undefined)[], at: Date, language: Language): Html =>
  html`<li>${parts.filter((part) => part !== undefined).join(' · ')} <small>${momentWord(language, at.toISOString())}</small></li>`

function profileOf({ person, policy }: ExportFacts, language: Language): Html[] {
  const { said, yourself } = exportWords[language]
  const { email, givenName, familyName, pictureUrl, birthYear, postcode, country, locale, traits = {} } = person
  const own = { email, givenName, familyName, pictureUrl, birthYear, postcode, country, locale }
  const values = [...Object.entries(own), ...Object.entries(traits).map(([name, value]) => [`traits:${name}`, value] as const)]
  return values
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => {
      const source = person.sources[field]
      const from =
        source && html` <small>${said} ${source.from === 'customer' ? yourself : source.from}, ${momentWord(language, source.at.toISOString())}</small>`
      return html`<li>${fieldWord(policy, language, field.replace('traits:', ''))}: <strong>${[value].flat().map(String).join(', ')}</strong>${from}</li>`
    })
}

function decisionsOf({ person, policy, at }: ExportFacts, language: Language): Html[] {
  const { states, bases } = wordsIn(language)
  return consentsOf(person.decisions, policy, ~0, at.getTime()).map(({ purpose: id, state, legalBasis, decidedAt }) => {
    const purpose = policy.purpose(id)
    const title = purpose ? textIn(policy, purpose, language).title : id
    const isDecidable = legalBasis === 'CONSENT' || legalBasis === 'LEGITIMATE_INTEREST'
    return html`<li>
      ${title}${isDecidable && html`: <strong>${states[state]}</strong>`}
      <small>${bases[legalBasis]}${decidedAt && ` ${momentWord(language, decidedAt.toISOString())}`}</small>
    </li>`
  })
}

function recipientsOf({ recipients, policy }: ExportFacts, language: Language): Html[] {
  const words = wordsIn(language)
  return recipients.map(({ name, fields }) => {
    const shown = fields.map(({ field, form }) => `${fieldWord(policy, language, field)}${form === 'FULL' ? '' : ` (${words.forms[form]})`}`)
    return html`<li>${name}: ${shown.length > 0 ? shown.join(', ') : exportWords[language].noRecipient}</li>`
  })
}
