import type { LoginFunnel } from './login-funnel.ts'

export interface DeviceLoginEnd {
  readonly client: string
  readonly provider: string
  /** Who it is at the provider. */
  readonly who: string
  /** Of the error that ended it; empty: finished. */
  readonly code: string
}

export interface DeviceLoginParts {
  readonly funnel: Pick<LoginFunnel, 'count'>
  /** True for the first in a day. What remembers it names nobody, and is gone with the day. */
  readonly isFirst: (mark: string) => Promise<boolean>
  readonly failed: (error: unknown) => void
}

/**
 * Counts logins by a device's own dialog, which has no browser that could remember that it was counted: each person once a day at each place.
 * A login never fails for it.
 */
export function deviceLogins({ funnel, isFirst, failed }: DeviceLoginParts) {
  return async ({ client, provider, who, code }: DeviceLoginEnd): Promise<void> => {
    const ways = [{ step: 'started', outcome: '' } as const, { step: code === '' ? 'finished' : 'failed', outcome: code } as const]
    try {
      for (const way of ways)
        if (await isFirst([client, provider, who, way.step, way.outcome].join('|'))) funnel.count({ client, provider, device: 'other', variant: '', ...way })
    } catch (error) {
      failed(error)
    }
  }
}
