import { nothingDerived } from '../src/consent/derived.ts'
import type { CustomerView, ViewOf } from '../src/consent/view.ts'

const open: ReadonlySet<string> = new Set()

/** A view without a gate: everything that was read is handed on as it is, nobody is asked and nothing is reported. */
export const openView: ViewOf = (row): CustomerView => ({
  key: row._id,
  id: '',
  email: row.email ?? null,
  givenName: row.givenName ?? null,
  familyName: row.familyName ?? null,
  pictureUrl: row.pictureUrl ?? null,
  birthYear: row.birthYear ?? null,
  postcode: row.postcode ?? null,
  country: row.country ?? null,
  locale: row.locale ?? null,
  traits: row.traits ?? {},
  derived: nothingDerived,
  identities: null,
  consents: null,
  open,
})
