import type { Policy } from '../config/policy.ts'
import type { Mask } from '../operation.ts'

/**
 * Purposes for which an address is as good as none once its provider has said that mail to it no longer arrives: those that stand on
 * consent. Contracts and duties keep it, since it also says with whom they were made.
 */
export const closedByDeadAddress = (policy: Pick<Policy, 'purposes'>): Mask =>
  policy.purposes.filter(({ legalBasis }) => legalBasis === 'CONSENT').reduce((mask, purpose) => mask | purpose.mask, 0)
