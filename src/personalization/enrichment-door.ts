import type { Attribute } from '../config/policy.ts'
import type { Question } from '../config/questions.ts'
import type { FieldMasks } from '../consent/gate.ts'
import { tokenLives } from '../consent/live-token.ts'
import { localeFor } from '../consent/texts.ts'
import { EntenteError } from '../errors.ts'
import { personOf, tokenOf, type Caller, type CustomerKey } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'
import { inTransaction, type Tx } from '../storage/transaction.ts'
import type { EnrichmentDoor, NextQuestion } from './enrichment-resolver.ts'
import { nextQuestion, pathOf } from './next-question.ts'
import { sourcesOf } from './sources.ts'
import { switchInterest, type SwitchParts } from './switch-interest.ts'

export interface EnrichmentParts extends SwitchParts {
  /** Masks by path: `birthYear`, `traits.clothingSize`. */
  readonly fields: ReadonlyMap<string, { readonly masks: FieldMasks }>
  readonly now: () => Date
}

/** What the GraphQL fields about a growing profile call. */
export function enrichmentDoor(parts: EnrichmentParts): EnrichmentDoor {
  const { policy, customers, db } = parts

  async function own(caller: Caller, key: CustomerKey, tx?: Tx): Promise<CustomerRow> {
    const row = await customers.read(key, tx)
    if (row === null || !tokenLives(row, caller)) throw new EntenteError('UNAUTHENTICATED', { why: 'the token was ended' })
    return row
  }
  const asked = (tx: Tx, key: CustomerKey, id: string, at: Date) => customers.update(tx, key, { $set: { [`asked.${id}`]: at } })

  return {
    async next(given, purpose, locale) {
      const key = personOf(given)
      const caller = tokenOf(given)
      const at = parts.now()
      if ((policy.maskOf([purpose]) & caller.purposes) === 0) throw new EntenteError('FORBIDDEN', { why: 'a purpose that is not in the token' })
      const choose = async (tx?: Tx) => nextQuestion({ policy, fields: parts.fields, caller, purpose, row: await own(caller, key, tx), now: at.getTime() })
      // Mostly there is nothing to ask; and of two windows that ask at once, one gets the question.
      if ((await choose()) === null) return null
      return inTransaction(db, key, async (tx) => {
        const question = await choose(tx)
        if (question === null) return null
        await asked(tx, key, question.id, at)
        return inWords(question, localeFor(locale, policy))
      })
    },

    async dismiss(given, id) {
      const key = personOf(given)
      const caller = tokenOf(given)
      const question = policy.questions.find((one) => one.id === id)
      if (question === undefined || (policy.maskOf([question.purpose]) & caller.purposes) === 0) throw new EntenteError('BAD_USER_INPUT', {}, { field: 'id' })
      await inTransaction(db, key, (tx) => asked(tx, key, id, parts.now()))
    },

    switchInterest: (caller, interest, off) => switchInterest(parts, caller, interest, off, parts.now()),

    async sources(caller, key) {
      const row = await customers.read(key)
      return row === null ? [] : sourcesOf(parts, caller, row, parts.now().getTime())
    },

    async interestsOff(key) {
      const row = await customers.read(key)
      return (row?.interestsOff ?? []).map((entry) => ({ kind: entry.slice(0, entry.indexOf(':')), name: entry.slice(entry.indexOf(':') + 1) }))
    },
  }

  function inWords({ id, about, texts }: Question, locale: string): NextQuestion {
    const attribute: Attribute | undefined = 'trait' in about ? policy.attributes.find(({ name }) => name === about.trait) : undefined
    const decided = 'purpose' in about ? policy.purpose(about.purpose) : undefined
    const { question = id, why = '', gives = '' } = texts[locale] ?? {}
    return {
      id,
      field: pathOf(about),
      consentTo: decided?.id ?? null,
      textVersion: decided?.textVersion ?? null,
      choices: attribute?.values ?? [],
      list: attribute?.list ?? false,
      question,
      why,
      gives,
    }
  }
}
