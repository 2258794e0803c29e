import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { change } from './account-change.ts'
import { mutations, type Account, type ValueSource } from './account-data.ts'
import { ask } from './ask.ts'
import { html, type Html } from './html.ts'
import { knownWords } from './known-words.ts'
import type { AccountParts } from './parts.ts'
import { entriesOf } from './profile-form.ts'
import { fieldWord, momentWord } from './words.ts'

/** What the person said, what providers told, and what nobody said: each with the way to correct it. */
export function known(account: Account): Html {
  const words = knownWords[account.view.language]
  const sources = account.data.person.sources ?? []
  const own = sources.filter(({ from }) => from === 'customer')
  return html`<p class="soft">${words.text}</p>
    ${said(account, words.said, words.saidText, own)}
    ${said(
      account,
      words.told,
      words.toldText,
      sources.filter((source) => !own.includes(source)),
    )}
    <div class="kind">
      <h3>${words.inferred}</h3>
      <p class="soft small">${words.inferredText}</p>
      ${interests(account)} ${workedOut(account)}
    </div>
    ${switchedOff(account)}`
}

function said({ parts, view, data }: Account, title: string, text: string, sources: readonly ValueSource[]): Html {
  const words = knownWords[view.language]
  const values = new Map(entriesOf(parts.policy, data.person).map(({ name, value }) => [name, value]))
  const nameOf = (provider: string) => parts.providers.find(({ id }) => id === provider)?.name ?? provider
  const row = ({ field, from, at, confidence }: ValueSource) => {
    const value = values.get(field)
    const name = fieldWord(parts.policy, view.language, field)
    return html`<li>
      <div>
        <strong>${name}</strong>${value && html`: <bdi>${value}</bdi>`}
        <p class="soft small">
          ${from !== 'customer' && html`${words.by} ${nameOf(from)}, `}${words.since} ${momentWord(view.language, at)} · ${words.sure}
          ${Math.round(confidence * 100)} %
        </p>
      </div>
      ${value !== undefined && html`<a class="button fit" href="#profile-${field}" aria-label="${words.change}: ${name}">${words.change}</a>`}
    </li>`
  }
  return html`<div class="kind">
    <h3>${title}</h3>
    <p class="soft small">${text}</p>
    ${
      sources.length === 0
        ? html`<p>${words.nothing}</p>`
        : html`<ul class="rows">
            ${sources.map(row)}
          </ul>`
    }
  </div>`
}

interface Interest {
  readonly kind: string
  readonly name: string
}

function interestRow({ view, token }: Account, { kind, name }: Interest, off: boolean): Html {
  const words = knownWords[view.language]
  const label = off ? words.notMe : words.on
  return html`<li>
    <div>
      <strong><bdi>${name}</bdi></strong> <span class="soft small">${words.kinds[kind] ?? kind}</span>
    </div>
    <form method="post" action="/account/interests">
      ${token}<input type="hidden" name="kind" value="${kind}" /><input type="hidden" name="name" value="${name}" />
      <input type="hidden" name="off" value="${off ? 'yes' : 'no'}" />
      <button class="button fit" aria-label="${label}: ${name}">${label}</button>
    </form>
  </li>`
}

function interests(account: Account): Html {
  const words = knownWords[account.view.language]
  const all = account.data.person.affinities ?? []
  if (all.length === 0) return html`<p>${words.interests}: ${words.nothing}</p>`
  return html`<ul class="rows" aria-label="${words.interests}">
    ${all.slice(0, 40).map((one) => interestRow(account, one, true))}
  </ul>`
}

/** Groups and numbers: they follow from interests and values above, and go with those. */
function workedOut({ parts, view, data }: Account): Html {
  const words = knownWords[view.language]
  const { traits } = data.person
  const numbers = parts.policy.computed.flatMap(({ name }) => {
    const value = traits?.[name]
    return value === null || value === undefined
      ? []
      : [`${fieldWord(parts.policy, view.language, name)}: ${Array.isArray(value) ? value.join(', ') : String(value)}`]
  })
  const list = (title: string, items: readonly string[]) =>
    items.length > 0 &&
    html`<p><strong>${title}</strong></p>
      <ul class="told">
        ${items.map((item) => html`<li><bdi>${item}</bdi></li>`)}
      </ul>`
  return html`${list(words.worked, numbers)}${groups(words.groups, data.groups[view.language])}`
}

/** Each with the reason, so that one can see what to change. */
function groups(title: string, all: Account['data']['groups']['en']): Html | false {
  const why = (conditions: (typeof all)[number]['conditions']) =>
    conditions.filter(({ holds }) => holds).map(({ text }) => html`<p class="soft small">${text}</p>`)
  return (
    all.length > 0 &&
    html`<p><strong>${title}</strong></p>
      <ul class="told">
        ${all.map((group) => html`<li><bdi>${group.title}</bdi>${why(group.conditions)}</li>`)}
      </ul>`
  )
}

function switchedOff(account: Account): Html | null {
  const words = knownWords[account.view.language]
  const off = account.data.person.interestsOff ?? []
  if (off.length === 0) return null
  return html`<div class="kind">
    <h3>${words.off}</h3>
    <p class="soft small">${words.offText}</p>
    <ul class="rows">
      ${off.map((one) => interestRow(account, one, false))}
    </ul>
  </div>`
}

const interestForm = z.object({ kind: z.string().max(100), name: z.string().max(300), off: z.enum(['yes', 'no']) })

export function interestPages(app: FastifyInstance, parts: AccountParts): void {
  app.post('/account/interests', (request, reply) =>
    change(parts, request, reply, interestForm, async ({ kind, name, off }, token) => {
      await ask(parts, mutations.switchInterest, { kind, name, off: off === 'yes' }, token)
      return reply.redirect('/account?done=interest#known', 303)
    }),
  )
}
