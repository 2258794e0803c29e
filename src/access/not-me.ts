import { z } from 'zod'
import type { Post } from '../mail/post.ts'
import type { TellNewDevice } from '../linking/note-device.ts'
import type { Device } from '../storage/customers.ts'
import { seal, unseal } from '../storage/keys.ts'
import type { OnceStore } from '../storage/redis.ts'
import type { Alerts } from './alerts.ts'
import type { Endings } from './endings.ts'

const label = 'not-me'
const days = 7
const disowned = z.tuple([z.string(), z.string(), z.number()])

/** Links for "this was not me" in letters: encrypted, for seven days, so that nobody else can make or read one. */
export function notMeLinks(key: Buffer, publicUrl: string) {
  return {
    linkFor: (customer: string, { id }: Device, at: Date): string =>
      `${publicUrl}/account/not-me?t=${seal(key, JSON.stringify([customer, id, at.getTime() + days * 86_400_000]), label)}`,

    open(token: string, now: number): { readonly customer: string; readonly device: string } | null {
      const plain = token.length > 500 ? null : unseal(key, token, label)
      if (plain === null) return null
      const [customer, device, until] = disowned.parse(JSON.parse(plain.toString()))
      return now < until ? { customer, device } : null
    },
  }
}

export type NotMeLinks = ReturnType<typeof notMeLinks>

/** Tells of a new device by mail, inside the transaction of the sign-in. */
export const newDeviceLetter =
  (post: Pick<Post, 'toCustomer'>, links: Pick<NotMeLinks, 'linkFor'>): TellNewDevice =>
  (tx, row, device) => {
    const facts = { device: device.agent, place: device.place, at: device.lastAt.toISOString(), link: links.linkFor(row._id, device, device.lastAt) }
    return post.toCustomer(tx, row, { kind: 'newDevice', facts, id: `new-device:${device.id}` })
  }

export interface NotMeDoor {
  /** Whether such a link still works. Changes nothing: mail programs look into links. */
  isOpen(token: string): Promise<boolean>
  /** Ends every session and asks for a factor at the next sign-in; once for each link. False when it no longer works. */
  act(token: string): Promise<boolean>
}

export function notMeDoor(parts: {
  readonly links: Pick<NotMeLinks, 'open'>
  readonly used: OnceStore
  readonly alerts: Pick<Alerts, 'disown'>
  readonly endings: Pick<Endings, 'endEverywhere'>
}): NotMeDoor {
  // Should Redis lose it, the same link signs its own customer out once more, and no one else.
  const wasUsed = async (device: string): Promise<boolean> => (await parts.used.peek(device)) !== null
  return {
    async isOpen(token) {
      const found = parts.links.open(token, Date.now())
      return found !== null && !(await wasUsed(found.device))
    },
    async act(token) {
      const found = parts.links.open(token, Date.now())
      if (found === null || (await wasUsed(found.device))) return false
      if (!(await parts.alerts.disown(found.customer, found.device))) return false
      await parts.endings.endEverywhere(found.customer)
      await parts.used.put(found.device, 'used', days * 86_400)
      return true
    },
  }
}
