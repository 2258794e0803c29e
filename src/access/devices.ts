import Bowser from 'bowser'
import { createHmac, randomBytes } from 'node:crypto'
import type { SeenDevice } from '../linking/note-device.ts'
import type { Place } from './places.ts'

export interface DeviceParts {
  readonly key: Buffer
  /** Null where nothing is known of an address. */
  readonly placeOf: (ip: string) => Place | null
}

/** What is noted of a browser: the hash of its cookie's value, what it says it is, and roughly where it is. */
export function deviceReader({ key, placeOf }: DeviceParts) {
  return (browser: { readonly cookie: string; readonly userAgent: string | undefined; readonly ip: string }): SeenDevice => {
    const { name = null, around = null } = placeOf(browser.ip) ?? {}
    return {
      id: randomBytes(12).toString('base64url'),
      key: createHmac('sha256', key).update(browser.cookie).digest('base64url'),
      agent: agentName(browser.userAgent),
      ...(name !== null && { place: name }),
      ...(around !== null && { around }),
    }
  }
}

export type ReadDevice = ReturnType<typeof deviceReader>

/** Such as "Firefox on Linux"; a header may hold anything, so only short names of known kinds come out of it. */
export function agentName(userAgent: string | undefined): string {
  if (userAgent === undefined || userAgent === '') return 'Unknown'
  const { browser, os } = Bowser.parse(userAgent.slice(0, 500))
  const named = (name: string | undefined) => (name !== undefined && /^[\w .+/-]{1,40}$/.test(name) ? name : null)
  const parts = [named(browser.name), named(os.name)].filter((name) => name !== null)
  return parts.length === 0 ? 'Unknown' : parts.join(' on ')
}

/** What kind of device it says it is. */
export function deviceClass(userAgent: string | undefined): 'phone' | 'tablet' | 'desktop' | 'other' {
  if (userAgent === undefined || userAgent === '') return 'other'
  const { type } = Bowser.parse(userAgent.slice(0, 500)).platform
  if (type === 'mobile') return 'phone'
  return type === 'tablet' || type === 'desktop' ? type : 'other'
}
