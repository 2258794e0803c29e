import { expect, vi } from 'vitest'
import { behaviourOf } from './behaviour.ts'
import { erase } from './erasing.ts'
import type { Round } from './kill-sweep.ts'
import { merge, merging } from './merging.ts'
import type { Processes } from './processes.ts'

/** A first login, each round of another person. */
export const login =
  (house: Processes, provider: string) =>
  (n: number): Round => {
    const as = `person-${n}`
    const browser = house.newBrowser()
    const scope = 'openid offline_access purpose:order_processing'
    return {
      prepare: async () => {},
      attempt: async () => void (await house.signIn(provider, { as, browser, scope })),
      again: async () => {
        const { accessToken, refreshToken } = await house.signIn(provider, { as, browser, scope })
        expect((await house.graphql('{ me { id } }', {}, accessToken)).data.me.id).toBeTruthy()
        expect(refreshToken).toBeTruthy()
        expect(await house.db.collection('customers').countDocuments({ 'sources.email.from': provider, email: `${as}@people.example` })).toBe(1)
      },
    }
  }

const decide =
  'mutation ($decisions: [ConsentDecisionInput!]!) { setConsents(decisions: $decisions, idempotencyKey: "again") { id consents { purpose state } } }'

/** A yes to one purpose and a no to another, repeated with the same key. */
export const decision =
  (house: Processes) =>
  (n: number): Round => {
    let token = ''
    let decisions: object[] = []
    let receipt: string | undefined
    const say = async () => {
      const { data, errors } = await house.graphql(decide, { decisions }, token)
      expect(errors).toBeUndefined()
      receipt ??= data.setConsents.id
      expect(data.setConsents.id).toBe(receipt)
      expect(data.setConsents.consents).toContainEqual({ purpose: 'personalised_shop', state: 'GRANTED' })
    }
    return {
      prepare: async () => {
        token = (await house.signIn('google', { as: `gmail-${n}` })).accessToken
        const { data } = await house.graphql('{ purposes { id textVersion } }')
        const { textVersion } = data.purposes.find((one: { id: string }) => one.id === 'personalised_shop')
        decisions = [
          { purpose: 'personalised_shop', granted: true, textVersion },
          { purpose: 'email_marketing', granted: false },
        ]
      },
      attempt: say,
      again: async () => {
        await say()
        expect(await house.db.collection('consent_ledger').countDocuments()).toBe(n)
      },
    }
  }

/** A merge, begun anew by the person if nothing came of it. */
export const merged =
  (house: Processes) =>
  (n: number): Round => {
    const [mine, theirs] = [`person-${1000 + 2 * n}`, `person-${1001 + 2 * n}`]
    const person = merging(house)
    let shown: Awaited<ReturnType<typeof person.pair>>
    const ways = async () => {
      const { accessToken } = await person.account('google', mine)
      const { data } = await house.graphql('{ me { identities { provider } merges { id } } }', {}, accessToken)
      return { accessToken, providers: data.me.identities.map(({ provider }: { provider: string }) => provider).sort(), merges: data.me.merges }
    }
    const ask = async (of: { accessToken: string; proof: string }) =>
      expect((await house.graphql(merge, { proof: of.proof }, of.accessToken)).errors).toBeUndefined()
    return {
      prepare: async () => {
        shown = await person.pair(mine, theirs)
      },
      attempt: () => ask(shown),
      again: async () => {
        if ((await ways()).merges.length === 0) await ask(await person.shown(mine, theirs))
        expect((await ways()).providers).toEqual(['facebook', 'google'])
        for (const { accessToken } of [shown, shown.other])
          expect((await house.graphql('{ me { id } }', {}, accessToken)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
      },
    }
  }

/** An erasure, asked for once more by the person if nothing came of it; what was begun is ended by whichever process lives. */
export const erased =
  (house: Processes) =>
  (n: number): Round => {
    const as = `person-${2000 + n}`
    const person = merging(house)
    const rows = house.db.collection<{ _id: string }>('customers')
    let token = ''
    let customer = ''
    const ask = async (with_: string) => expect((await house.graphql(erase, { confirm: true }, with_)).errors).toBeUndefined()
    return {
      prepare: async () => {
        token = (await person.account('google', as)).accessToken
        customer = (await rows.findOne({ email: `${as}@people.example` } as object))?._id ?? ''
      },
      attempt: () => ask(token),
      again: async () => {
        const asked = await house.db.collection('erasures').countDocuments({ customer })
        if (asked === 0) await ask((await person.account('google', as)).accessToken)
        await vi.waitFor(async () => expect(await house.db.collection('erasures').findOne({ customer })).toMatchObject({ state: 'done' }), {
          timeout: 60_000,
          interval: 100,
        })
        expect(await rows.findOne({ _id: customer })).toMatchObject({ state: 'erased', identities: [] })
        for (const name of ['identities', 'emails', 'openid', 'credentials']) expect(await house.db.collection(name).countDocuments({ customer })).toBe(0)
        expect((await house.graphql('{ me { id } }', {}, token)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
      },
    }
  }

/** Events of one person, of another and of nobody, sent again by a program that got no answer. */
export const eventsSent =
  (house: Processes) =>
  (n: number): Round => {
    const on = behaviourOf(house)
    const events = ['ski', 'boots', 'ski'].map((category) => on.viewed({ category }))
    const browser = `browser-${n}`
    let person: Awaited<ReturnType<typeof on.person>>
    const send = async () => expect(await on.record(person.accessToken, events, { anonymousId: browser })).toEqual({ accepted: 3, refused: [] })
    return {
      prepare: async () => {
        person = await on.person(`person-${3000 + n}`, { personalised_shop: true })
        const call = { anonymousId: browser, messageId: browser, event: 'Product Viewed', properties: { category: 'tent' } }
        const consent = { categoryPreferences: { Personalisation: true } }
        const body = JSON.stringify({ writeKey: 'storefront-demo-write-key', ...call, context: { consent } })
        expect((await fetch(`${house.url}/v1/t`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body })).status).toBe(200)
      },
      attempt: send,
      again: async () => {
        await send()
        const once = await on.derived(person.customer)
        await send()
        expect(await on.derived(person.customer)).toEqual(once)
        expect((await on.kept(person.customer)).map(({ properties }) => properties['category']).sort()).toEqual(['boots', 'ski', 'ski', 'tent'])
        expect(await house.db.collection('anonymous_events').countDocuments()).toBe(0)
        expect(await on.recomputed(person.customer, 'personalised_shop')).toEqual(once?.['personalised_shop'])
      },
    }
  }
