import { expect, vi } from 'vitest'
import { pick } from './browser.ts'
import type { Round } from './kill-sweep.ts'
import { merge, merging, undo } from './merging.ts'
import type { Processes } from './processes.ts'
import { redirectUri } from './shop.ts'

const unlink = 'mutation ($id: ID!) { unlinkIdentity(id: $id) { id } }'
const linking = `mutation { startLinking(provider: "facebook", redirectUri: "${redirectUri}") { url } }`

/** What the rounds here ask of somebody who signs in by Google. */
function waysOf(house: Processes, as: string) {
  const person = merging(house)
  const enter = async () => {
    const { accessToken, browser } = await person.account('google', as)
    const { data } = await house.graphql('{ me { identities { id provider } merges { id } } }', {}, accessToken)
    const identities = data.me.identities as readonly { readonly id: string; readonly provider: string }[]
    return { accessToken, browser, identities, merges: data.me.merges as readonly { readonly id: string }[] }
  }
  return {
    enter,
    idOf: async () => String((await house.db.collection('customers').findOne({ email: `${as}@people.example` }))?._id),
    providers: async () => (await enter()).identities.map(({ provider }) => provider).sort(),
    /** One press away from being linked. */
    async atPicker() {
      const { accessToken, browser } = await enter()
      const { data } = await house.graphql(linking, {}, accessToken)
      const page = await browser.open(data.startLinking.url)
      return async () => expect((await pick(browser, page, as)).url).toBe(`${redirectUri}?linked=facebook`)
    },
    async unlink(accessToken: string, identities: readonly { readonly id: string; readonly provider: string }[]) {
      const id = identities.find(({ provider }) => provider === 'facebook')?.id
      expect((await house.graphql(unlink, { id }, accessToken)).errors).toBeUndefined()
    },
  }
}

const ended = async (house: Processes, token: string) =>
  expect((await house.graphql('{ me { id } }', {}, token)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')

/** A login that is added, begun anew by the person if nothing came of it. */
export const linked =
  (house: Processes) =>
  (n: number): Round => {
    const person = waysOf(house, `person-${4000 + n}`)
    let press: () => Promise<void>
    return {
      prepare: async () => {
        press = await person.atPicker()
      },
      attempt: () => press(),
      again: async () => {
        if ((await person.providers()).length === 1) await (await person.atPicker())()
        expect(await person.providers()).toEqual(['facebook', 'google'])
      },
    }
  }

/** A login that is removed, with all that was begun before: whoever is left takes the sessions away. */
export const unlinked =
  (house: Processes) =>
  (n: number): Round => {
    const person = waysOf(house, `person-${5000 + n}`)
    const rows = house.db.collection<{ _id: string; customer?: string }>('openid')
    let before: Awaited<ReturnType<typeof person.enter>>
    let sessions: readonly string[]
    return {
      prepare: async () => {
        await (
          await person.atPicker()
        )()
        before = await person.enter()
        const kept = await rows.find({ customer: await person.idOf(), _id: /^Session:/ }).toArray()
        sessions = kept.map(({ _id }) => _id)
        expect(sessions.length).toBeGreaterThan(1)
      },
      attempt: () => person.unlink(before.accessToken, before.identities),
      again: async () => {
        const now = await person.enter()
        if (now.identities.length === 2) await person.unlink(now.accessToken, now.identities)
        expect(await person.providers()).toEqual(['google'])
        await ended(house, before.accessToken)
        // What the one that died had leased is due in half a minute; here, now.
        await house.db.collection('jobs').updateMany({ kind: 'endSessions', dueAt: { $exists: true } }, { $set: { dueAt: new Date() } })
        const left = () => rows.countDocuments({ _id: { $in: [...sessions] } })
        await vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 30_000, interval: 100 })
      },
    }
  }

/** A merge that is undone, asked for once more by the person if nothing came of it. */
export const undone =
  (house: Processes) =>
  (n: number): Round => {
    const [mine, theirs] = [`person-${6000 + 2 * n}`, `person-${6001 + 2 * n}`]
    const person = waysOf(house, mine)
    const ask = async ({ accessToken, merges }: Awaited<ReturnType<typeof person.enter>>) =>
      expect((await house.graphql(undo, { id: merges[0]?.id }, accessToken)).errors).toBeUndefined()
    let before: Awaited<ReturnType<typeof person.enter>>
    return {
      prepare: async () => {
        const { accessToken, proof } = await merging(house).pair(mine, theirs)
        expect((await house.graphql(merge, { proof }, accessToken)).errors).toBeUndefined()
        before = await person.enter()
      },
      attempt: () => ask(before),
      again: async () => {
        const now = await person.enter()
        if (now.merges.length > 0) await ask(now)
        expect(await person.providers()).toEqual(['google'])
        await ended(house, before.accessToken)
        const other = await merging(house).account('facebook', theirs)
        const { data } = await house.graphql('{ me { identities { provider } } }', {}, other.accessToken)
        expect(data.me.identities).toEqual([{ provider: 'facebook' }])
      },
    }
  }
