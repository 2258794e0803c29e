import type { JWTPayload } from 'jose'
import { z } from 'zod'
import type { GuardedPost } from '../broker/guarded-post.ts'
import type { LeasedJob } from '../jobs/queue.ts'
import { Declined, Hopeless } from '../jobs/worker.ts'

export interface AlertHookParts {
  readonly sign: (payload: JWTPayload, type: string) => Promise<string>
  readonly post: GuardedPost['post']
  readonly issuer: string
  readonly now: () => Date
}

const told = z.strictObject({ url: z.url(), alert: z.looseObject({ id: z.string(), rule: z.string() }) })

/** Posts one alert as a JWT of the type `alert+jwt`, signed with the keys that anybody can look up. What does not answer is asked again; 410 ends it. */
export function alertHooks({ sign, post, issuer, now }: AlertHookParts) {
  return async ({ payload }: Pick<LeasedJob, 'payload'>, signal: AbortSignal): Promise<void> => {
    const said = told.safeParse(payload).data
    if (said === undefined) throw new Hopeless('not an alert')
    const { id, ...alert } = said.alert
    const claims = { iss: issuer, iat: Math.floor(now().getTime() / 1000), jti: id, event: 'alert', ...alert }
    const status = await post(said.url, { type: 'application/jwt', body: await sign(claims, 'alert+jwt') }, signal)
    if (status === 410) throw new Declined('nobody listens any more')
    if (status < 200 || status > 299) throw new Error(`status ${status}`)
  }
}
