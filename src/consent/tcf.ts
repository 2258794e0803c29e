import { createHash } from 'node:crypto'
import { TCString, type TCModel } from '@iabtcf/core'
import type { Policy } from '../config/policy.ts'
import { EntenteError } from '../errors.ts'
import type { SaidElsewhere } from './before-login.ts'

const longest = 4096

/**
 * What an IAB TC string says of our purposes, to be taken over like decisions from before a sign-in: yes where all of the TCF purposes that
 * the policy names are consented to, else no. Read only, never written: we are no CMP. BAD_USER_INPUT for what is no such string, and where
 * the policy knows none of it. Its moment is a day without a time (IAB TCF v2.3, "Created"), so it counts from that day's beginning.
 */
export function saidByTcf(tcString: string, policy: Policy, now: Date): SaidElsewhere {
  const refused = (why: string) => new EntenteError('BAD_USER_INPUT', { why }, { field: 'tcString' })
  const model = tcString.length > longest ? null : decoded(tcString)
  if (model === null || Number(model.version) !== 2 || !model.isServiceSpecific) throw refused('not a TC string')
  if (model.lastUpdated > now) throw refused('from the future')
  const choices = policy.purposes
    .filter(({ legalBasis, signals }) => legalBasis === 'CONSENT' && signals.tcfPurposes.length > 0)
    .map((purpose) => ({ purpose, granted: purpose.signals.tcfPurposes.every((one) => model.purposeConsents.has(one)), textVersion: purpose.textVersion }))
  if (choices.length === 0) throw refused('no purpose is mapped')
  return {
    choices,
    at: model.lastUpdated,
    evidence: {
      by: 'TCF',
      version: disclosesVendors(tcString) ? '2.3' : '2.2',
      created: model.lastUpdated.toISOString().slice(0, 10),
      cmp: Number(model.cmpId),
      sha256: createHash('sha256').update(tcString).digest('hex'),
    },
  }
}

/** The library throws whatever comes to hand. */
function decoded(tcString: string): TCModel | null {
  try {
    return TCString.decode(tcString)
  } catch {
    return null
  }
}

/** The segment of type 1 in its first three bits, which v2.3 made a duty: what tells its strings from those of v2.2. The core's are 0. */
const disclosesVendors = (tcString: string): boolean => tcString.split('.').some((segment) => /^[I-P]/.test(segment))
