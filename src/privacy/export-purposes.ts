import type { DataForm, Policy } from '../config/policy.ts'
import type { Classification } from '../consent/classification.ts'
import { asClient, readableFields } from '../customers/seen-by.ts'
import type { Mask } from '../operation.ts'
import type { CustomerRow } from '../storage/customers.ts'

export interface ExportedClient {
  readonly id: string
  readonly name: string
  readonly purposes: Mask
  readonly sector: string
}

/** What each purpose is, in every language, and the rule by which a value goes to whom: the policy as it decides. */
export function purposesOf(policy: Policy, clients: readonly ExportedClient[]): object {
  return {
    policyVersion: policy.version,
    controller: policy.controller,
    rule: 'A client reads a field in the widest form that one of its purposes covers, and only while that purpose has its legal basis: a consent that is in force, or a contract, a duty or a legitimate interest that was not objected to; a purpose that requires others waits for theirs.',
    purposes: policy.purposes.map((purpose) => ({
      id: purpose.id,
      builtIn: purpose.builtIn,
      legalBasis: purpose.legalBasis,
      textVersion: purpose.textVersion,
      texts: Object.fromEntries([...purpose.texts].map(([locale, { title, text }]) => [locale, { title, text }])),
      covers: purpose.coverage,
      clients: clients.filter(({ id }) => purpose.clients.has(id)).map(({ id, name }) => ({ id, name })),
      processors: purpose.processors,
      retention: purpose.retention,
      validity: purpose.validity,
      requires: policy.namesOf(purpose.requires),
    })),
  }
}

/** A client, how it knows the person, and what it would get now. */
export interface Recipient {
  readonly client: string
  readonly name: string
  readonly customerId: string
  readonly fields: readonly { readonly field: string; readonly form: DataForm }[]
}

export interface RecipientParts {
  readonly policy: Policy
  readonly classification: Classification
  readonly clients: () => readonly ExportedClient[]
  readonly subjects: { outwardOne(sector: string, customer: string): string }
}

/** By the same gate as every read. */
export function recipientsOf(parts: RecipientParts, person: CustomerRow, at: Date): Recipient[] {
  const readable = readableFields(parts)
  return parts.clients().map((client) => ({
    client: client.id,
    name: client.name,
    customerId: parts.subjects.outwardOne(client.sector, person._id),
    fields: readable(asClient(client), person, at.getTime()),
  }))
}
