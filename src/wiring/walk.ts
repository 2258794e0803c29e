import type { TakeBackForAge } from '../consent/taken-back-for-age.ts'
import { followUp } from '../personalization/follow-up.ts'
import { rederiver } from '../personalization/rederive.ts'
import { ruleWalk } from '../personalization/rule-walk.ts'
import type { House } from './house.ts'

/** What other rules mean for those who are here already. */
export const openWalk = ({ policy, storage: { db, rows, jobs } }: House, takeBackForAge: TakeBackForAge) =>
  ruleWalk({
    ...rows,
    db,
    walks: rows.ruleWalks,
    jobs,
    followUp: followUp(policy),
    rederive: rederiver(policy, rows.behaviour),
    takeBackForAge,
    policy,
    now: () => new Date(),
  })
