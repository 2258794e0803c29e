import { tellClients } from '../access/consent-events.ts'
import { beforeLogin, beforeLoginCookie, comeAlong } from '../consent/before-login.ts'
import { choicesOf } from '../consent/choices.ts'
import { confirmationDoor, confirmations } from '../consent/confirmation.ts'
import { hearGpc } from '../consent/gpc.ts'
import type { RecordParts } from '../consent/record.ts'
import { takeBackForAge } from '../consent/taken-back-for-age.ts'
import { unseal } from '../storage/keys.ts'
import { inSharedTransaction } from '../storage/shared-transaction.ts'
import type { SignedInBrowser } from '../access/interaction-policy.ts'
import type { House } from './house.ts'

/** How decisions are written, and the ways in which they come beside a client's call. */
export async function openConsents({ config, policy, storage, audit, registry, classification, post, forgetting }: House) {
  const { db, rows, keys, jobs } = storage
  const asking = confirmations({ key: await keys.obtain('consent-link/1'), publicUrl: config.publicUrl, policy, post, jobs })
  const tell = tellClients({ jobs, clients: () => registry.all(), policy })
  const recording: RecordParts = {
    policy,
    classification,
    clients: () => registry.all(),
    transaction: (customer, work) => inSharedTransaction(db, customer, work),
    customers: rows.customers,
    ledger: rows.ledger,
    audit,
    evidenceOfAsking: asking.evidenceOfAsking,
    follow: async (tx, recorded) => {
      await asking.follow(tx, recorded)
      await forgetting.follow(tx, recorded.row, { ...recorded, change: recorded.entry._id })
      await tell(tx, recorded)
    },
    now: () => new Date(),
  }
  const heedGpc = hearGpc({ ...recording, customers: rows.customers })
  const bring = comeAlong(recording)
  const cookieKey = await keys.obtain('page-cookie/1')

  /** What the browser of somebody who has just signed in, or is about to go on to a shop, says by itself. */
  async function hear({ caller, customer, gpc, kept }: SignedInBrowser): Promise<void> {
    if (gpc) await heedGpc(caller)
    const said = kept === null ? null : beforeLogin.safeParse(JSON.parse(unseal(cookieKey, kept, beforeLoginCookie)?.toString() ?? 'null')).data
    if (!said) return
    const at = new Date(said.at)
    const known = said.decisions.filter(({ purpose }) => policy.purpose(purpose)?.legalBasis === 'CONSENT')
    // A clock that was set back must not keep anybody from signing in.
    if (known.length === 0 || at > new Date()) return
    await bring(caller, customer, { choices: choicesOf(known, policy), at, locale: said.locale, evidence: { by: 'before login', at: at.toISOString() } })
  }
  return { recording, takeBackForAge: takeBackForAge(recording), heedGpc, bring, hear, confirmations: confirmationDoor(recording, asking) }
}

export type Consents = Awaited<ReturnType<typeof openConsents>>
