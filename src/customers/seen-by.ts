import { consentRecord, dataSubjectAccess, type DataForm, type Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { mayOf, mayProcess } from '../consent/gate.ts'
import { gateInPlace } from '../consent/reach.ts'
import { newReport } from '../consent/report.ts'
import type { CustomerView, ViewOf } from '../consent/view.ts'
import { personOf, tokenOf, type Caller, type Mask } from '../operation.ts'
import type { GatedRow } from '../storage/customers.ts'
import type { CustomerReads, Place, Reading } from './reads.ts'

export interface SeenByParts {
  readonly reads: CustomerReads
  readonly viewOf: ViewOf
  readonly classification: Classification
  readonly policy: Policy
  readonly client: (id: string) => { readonly id: string; readonly purposes: Mask; readonly sector: string } | undefined
  readonly subjects: { outwardOne(sector: string, customer: string): string }
  readonly now: () => number
}

export interface Seen {
  readonly clientId: string
  readonly customer: CustomerView | null
  readonly fields: readonly { readonly clientId: string; readonly field: string; readonly form: DataForm }[]
}

export type SeenBy = (reading: Reading, clientId: string, place: Place) => Promise<Seen>

/** Shows the signed-in customer what a client would get right now: the same gate, asked as that client. Of unknown clients: nothing. */
export function seenBy(parts: SeenByParts): SeenBy {
  const readable = readableFields(parts)
  return async function look(reading, clientId, place) {
    const caller = tokenOf(reading.caller)
    const customer = personOf(caller)
    const site = reading.plan.siteOf(place)
    const row = await parts.reads.own(caller, customer, site.projection)
    const client = parts.client(clientId)
    const asked = client && asClient(client)
    if (!asked || !mayProcess(asked, row, parts.policy, parts.now())) return { clientId, customer: null, fields: [] }
    const view = parts.viewOf(row, site, asked, newReport(true))
    // Not the id that the other client knows: it would join the two houses.
    view.id = parts.subjects.outwardOne(caller.sector, customer)
    const fields = readable(asked, row, parts.now()).map((field) => ({ clientId, ...field }))
    return { clientId, customer: view, fields }
  }
}

/** What a caller may read of somebody now, field by field: the gate, without a value. */
export function readableFields({ classification, policy }: Pick<SeenByParts, 'classification' | 'policy'>) {
  const gate = gateInPlace(classification)
  return (caller: Caller, row: GatedRow, now: number): { readonly field: string; readonly form: DataForm }[] => {
    const may = mayOf(caller, row, policy, now)
    return [...classification.values()].flatMap((field) => {
      const form = gate(field, may)
      return form === 'withheld' ? [] : [{ field: field.coordinate, form: form.form }]
    })
  }
}

/** A client that acts on its own, for all that it may. */
export function asClient({ id, purposes, sector }: { readonly id: string; readonly purposes: Mask; readonly sector: string }): Caller {
  const onItsOwn = (purposes | consentRecord) & ~dataSubjectAccess
  return { clientId: id, sector, customer: null, purposes: onItsOwn, scopes: new Set(), issuedAt: 0, authTime: null, grant: null }
}
