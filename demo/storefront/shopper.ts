import { ask } from '../graphql.ts'
import type { Shopper } from './pages.ts'
import type { Session } from './sessions.ts'

// One read: profile, attributes, what was derived, and what was decided.
const shopperQuery = `{ me {
  givenName email postcode
  traits { clothingSize favouriteColours ordersLastYear }
  recommendationContext { interests { kind name score } segments }
  consents { purpose state }
} }`

const questionQuery = '{ nextQuestion(purpose: "personalised_shop", locale: "en") { id field question why gives } }'
const decide = 'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions) { id } }'

const personalisation = ({ me }: Pick<Shopper, 'me'>): string | undefined => me.consents?.find(({ purpose }) => purpose === 'personalised_shop')?.state

/** Who is shopping, as far as they let this shop know; null when nobody is signed in or the token has ended. */
export async function shopperOf(gateway: string, { tokens }: Session): Promise<Shopper | null> {
  if (!tokens || tokens.until < Date.now()) return null
  const { data, errors, extensions } = await ask<{ me: Shopper['me'] }>(gateway, tokens.access, shopperQuery)
  if (errors || !data?.me) return null
  return { me: data.me, question: null, withheld: extensions?.withheld ?? [], reduced: extensions?.reduced ?? [] }
}

/** With the one question worth asking: somebody who has just got personal offers sees at once what an answer is good for. */
export async function withQuestion(gateway: string, { tokens }: Session, shopper: Shopper | null): Promise<Shopper | null> {
  if (!tokens || !shopper || personalisation(shopper) !== 'GRANTED') return shopper
  const asked = await ask<{ nextQuestion: Shopper['question'] }>(gateway, tokens.access, questionQuery)
  return { ...shopper, question: asked.data?.nextQuestion ?? null }
}

/** In force for the next read, at every client. */
export async function stopPersonalising(gateway: string, { tokens }: Session): Promise<void> {
  if (!tokens) return
  const { errors } = await ask(gateway, tokens.access, decide, { decisions: [{ purpose: 'personalised_shop', granted: false }] })
  if (errors) throw new Error('the withdrawal was not taken')
}
