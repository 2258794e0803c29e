import { readFileSync } from 'node:fs'
import { buildSchema } from 'graphql'
import { readPolicy, type Policy } from '../../src/config/policy.ts'
import { classify } from '../../src/consent/classification.ts'
import type { Caller } from '../../src/operation.ts'
import { newCustomer } from '../../src/linking/new-customer.ts'
import type { CustomerRow } from '../../src/storage/customers.ts'

export const now = new Date('2026-06-01T12:00:00Z')

export const sdl = `
  directive @personalData(category: String!) on FIELD_DEFINITION
  directive @notPersonal on FIELD_DEFINITION | OBJECT
  type Query { me: Customer customer(id: ID!): Customer customers(first: Int): CustomerConnection! _entities: [_Entity]! }
  type Mutation { updateProfile: Customer! }
  union _Entity = Customer | Parcel
  type Parcel { number: ID! }
  type CustomerConnection { edges: [CustomerEdge!]! totalCount: Int }
  type CustomerEdge { node: Customer! cursor: String! }
  type Customer {
    id: ID! @notPersonal
    email: String @personalData(category: "user.contact.email")
    givenName: String @personalData(category: "user.name")
    familyName: String @personalData(category: "user.name")
    pictureUrl: String @personalData(category: "user.content.self_image")
    birthYear: Int @personalData(category: "user.demographic")
    postcode: String @personalData(category: "user.contact.address.postal_code")
    country: String @personalData(category: "user.contact.address.country")
    locale: String @personalData(category: "user.demographic.language")
    identities: [Identity!] @personalData(category: "user.account")
    consents: [Consent!] @personalData(category: "user.privacy_preferences")
    traits: Traits @notPersonal
    seenBy(clientId: ID!): CustomerView @personalData(category: "user.privacy_preferences")
  }
  type Traits {
    clothingSize: String @personalData(category: "user.demographic.profile")
    favouriteColours: [String!] @personalData(category: "user.demographic.profile")
    newsletterRhythm: String @personalData(category: "user.account.settings")
  }
  type Identity @notPersonal { id: ID! provider: ID! email: String }
  type Consent @notPersonal { purpose: ID! state: String! }
  type CustomerView @notPersonal { clientId: ID! customer: Customer }
`

export const schema = buildSchema(sdl)
export const policyText = readFileSync('demo/policy.yaml', 'utf8')
export const demoPolicy = readPolicy(policyText, 'policy.yaml')
export const classification = classify(schema, demoPolicy)

export const customer = (change: Partial<CustomerRow> = {}): CustomerRow => ({ ...newCustomer('AAAAAAAAAAAAAAAAAAAAAA', now), ...change })

export const someone = {
  email: ' Ada@Example.test',
  givenName: 'Ada',
  familyName: 'Lark',
  pictureUrl: 'https://pictures.example/ada',
  birthYear: 1987,
  postcode: '10115',
  country: 'DE',
  locale: 'de',
  traits: { clothingSize: 'M', favouriteColours: ['green'], newsletterRhythm: 'WEEKLY' },
}

export function caller(policy: Policy, purposes: readonly string[], change: Partial<Caller> = {}): Caller {
  return {
    clientId: 'marketing',
    sector: 'marketing',
    customer: null,
    purposes: policy.maskOf(['consent_record', ...purposes]),
    scopes: new Set(),
    issuedAt: now.getTime(),
    authTime: null,
    grant: null,
    ...change,
  }
}
