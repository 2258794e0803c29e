import { buildSchema, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql'
import { describe, expect, test } from 'vitest'
import { dataSubjectAccess, readPolicy, type Policy } from '../../src/config/policy.ts'
import { classify, reachableFrom } from '../../src/consent/classification.ts'
import { buildEntenteSchema } from '../../src/graphql/schema.ts'
import { classification, demoPolicy, policyText, schema, sdl } from './fixture.ts'

const changed = (...changes: readonly (readonly [from: string, to: string])[]) =>
  changes.reduce((before, [from, to]) => {
    expect(before).toContain(from)
    return before.replace(from, to)
  }, sdl)
const classified = (text: string, policy: Policy = demoPolicy) => classify(buildSchema(text, { assumeValidSDL: true }), policy)
const broken =
  (...change: readonly [string, string]) =>
  () =>
    classified(changed(change))

describe('a schema that is not fully classified does not build', () => {
  test('a field without classification is named', () =>
    expect(broken('email: String @personalData(category: "user.contact.email")', 'email: String')).toThrow('Customer.email is neither'))
  test('also on a type that a customer leads to', () => expect(broken('type Consent @notPersonal', 'type Consent')).toThrow('Consent.purpose is neither'))
  test('a category that nobody knows', () => expect(broken('"user.contact.email"', '"user.contact.mail"')).toThrow('user.contact.mail is not a known category'))
  test('a category that is no text, and none at all', () => {
    for (const nothing of ['@personalData', '@personalData(of: "user.name")', '@personalData(category: 1)', '@other(category: "user.name")'])
      expect(broken('@personalData(category: "user.contact.email")', nothing)).toThrow('Customer.email is neither')
  })
  test('A10: a personal field that cannot be null', () => expect(broken('email: String', 'email: String!')).toThrow('Customer.email must be nullable'))
  test('A15: an open scalar; those that have one value are closed', () => {
    const typed = (type: string) => () => classified(changed(['email: String', `email: ${type}`], ['type Query {', 'scalar JSON scalar DateTime type Query {']))
    for (const type of ['JSON', '[JSON!]']) expect(typed(type)).toThrow('Customer.email has an open type')
    for (const type of ['String', 'Int', 'Float', 'Boolean', 'ID', 'DateTime', '[DateTime!]', 'Consent']) expect(typed(type)).not.toThrow()
  })
  test('A3: another category on the interface', () => {
    const implementing = (field: string) => changed(['type Customer {', `interface Person { ${field} } type Customer implements Person {`])
    for (const field of ['email: String @personalData(category: "user.name")', 'email: String'])
      expect(() => classified(implementing(field))).toThrow('Customer.email has another category on an interface')
    for (const field of ['email: String @personalData(category: "user.contact.email")', 'id: ID! @notPersonal'])
      expect(() => classified(implementing(field))).not.toThrow()
    const other = 'interface Person { email: String @personalData(category: "user.name") } type Stranger implements Person { email: String }'
    expect(() => classified(changed(['type Customer {', `${other} type Customer {`]))).not.toThrow()
  })
  test('A23: directives that were lost on the way', () => {
    expect(() => classified(sdl.replaceAll(/@(personalData\([^)]*\)|notPersonal)(?! on)/g, ''))).toThrow('Customer.email is neither')
    const Customer = new GraphQLObjectType({ name: 'Customer', fields: { email: { type: GraphQLString } } })
    expect(() => classify(new GraphQLSchema({ types: [Customer] }), demoPolicy)).toThrow('Customer.email is neither')
  })
  test('all that is wrong is said at once, and nothing else', () => {
    const text = changed(['email: String', 'email: String!'], ['type Consent @notPersonal', 'type Consent'])
    expect(() => classified(text)).toThrow(
      new Error(
        'The schema is not fully classified:\n' +
          '  Customer.email must be nullable: withholding it would take its siblings along\n' +
          '  Consent.purpose is neither @personalData nor @notPersonal\n' +
          '  Consent.state is neither @personalData nor @notPersonal',
      ),
    )
  })
})

describe('a field that is classified', () => {
  test('is known by its place, with its category and what it can be reduced to', () => {
    expect(classification.get('Traits.favouriteColours')).toMatchObject({
      category: 'user.demographic.profile',
      type: 'String',
      list: true,
      coordinate: 'Traits.favouriteColours',
      parent: 'Traits',
      name: 'favouriteColours',
    })
    expect(classification.get('Customer.email')).toMatchObject({ type: 'String', list: false })
    expect(classification.get('Customer.birthYear')).toMatchObject({ type: 'Int', list: false })
    const chosen = classified(changed(['newsletterRhythm: String', 'newsletterRhythm: Rhythm'], ['type Query {', 'enum Rhythm { WEEKLY } type Query {']))
    expect(chosen.get('Traits.newsletterRhythm')).toMatchObject({ type: 'Enum', list: false })
    expect(chosen.has('Customer.id')).toBe(false)
  })

  test('is personal also on a type that is not', () => {
    const text = changed(['type Consent @notPersonal { purpose: ID!', 'type Consent @notPersonal { purpose: ID @personalData(category: "user.name")'])
    expect([...classified(text).keys()].filter((coordinate) => coordinate.startsWith('Consent'))).toEqual(['Consent.purpose'])
  })

  test('lies on an object that a customer leads to', () => {
    expect([...reachableFrom(schema.getType('Customer'))].map(({ name }) => name)).toEqual(['Customer', 'Identity', 'Consent', 'Traits', 'CustomerView'])
    expect([...reachableFrom(schema.getType('Consent'))].map(({ name }) => name)).toEqual(['Consent'])
    expect([reachableFrom(undefined).size, reachableFrom(schema.getType('_Entity')).size]).toEqual([0, 0])
  })

  test('A19: what is about other clients, and about the account itself, is told to the person only, whatever a purpose covers', () => {
    const everything = readPolicy(
      policyText.replace('      - { category: user.contact.email, form: FULL }', '      - { category: user, form: FULL }'),
      'policy.yaml',
    )
    const covered = everything.maskOf(['order_processing'])
    const shut = [...buildEntenteSchema(everything).classification.values()].filter(({ derived, masks }) => !derived && (masks.any & covered) === 0)
    expect(shut.map(({ name }) => name).sort()).toEqual(
      ['accessLog', 'alert', 'devices', 'erasure', 'exports', 'factors', 'interestsOff', 'merges', 'seenBy', 'sessions', 'sources'].sort(),
    )
    for (const { masks } of shut) {
      expect(masks.any).toBe(dataSubjectAccess)
      expect(masks.widestFirst).toEqual([{ form: 'FULL', matchable: false, mask: dataSubjectAccess }])
    }
  })
})

describe('a field that is worked out', () => {
  const derivedBy = (directive: string, type = 'Int') =>
    changed(
      ['type Query {', 'directive @derived(from: [String!]!) on FIELD_DEFINITION type Query {'],
      ['type Traits {', `type Traits { ordersLastYear: ${type} ${directive}`],
    )
  const bought = '@derived(from: ["user.behavior.purchase_history"])'

  test('has the purposes that the policy gives it, and the category that all of it lies below', () => {
    expect(classified(derivedBy(bought)).get('Traits.ordersLastYear')).toMatchObject({
      category: 'user.behavior.purchase_history',
      type: 'Derived',
      list: true,
      coordinate: 'Traits.ordersLastYear',
      parent: 'Traits',
      name: 'ordersLastYear',
      derived: [{ kind: 'computed', name: 'ordersLastYear' }],
      masks: { any: demoPolicy.maskOf(['data_subject_access', 'personalised_shop', 'email_marketing']) },
    })
  })

  test('names all that it is made from', () => {
    const wider = '@derived(from: ["user.behavior.purchase_history", "user.behavior.browsing_history"])'
    expect(classified(derivedBy(wider)).get('Traits.ordersLastYear')?.category).toBe('user.behavior')
    for (const from of ['["user.behavior.browsing_history"]', '[]', '[1]'])
      expect(() => classified(derivedBy(`@derived(from: ${from})`))).toThrow(
        'Traits.ordersLastYear is @derived from less than it is made from: user.behavior.purchase_history is missing',
      )
  })

  test('also where many are made into one, and where another directive stands before', () => {
    const context = '@derived(from: ["user.behavior.purchase_history", "user.demographic.profile"])'
    const combined = (directive: string) => derivedBy(bought).replace('traits: Traits', `segments: [String!] ${directive} traits: Traits`)
    expect(() => classified(combined('@derived(from: ["user.behavior.search_history"])'))).toThrow(
      'Customer.segments is @derived from less than it is made from: user.behavior.browsing_history, user.behavior.purchase_history is missing',
    )
    expect(() => classified(combined(context))).toThrow(': user.behavior.browsing_history is missing')
    expect(() => classified(derivedBy(`@other(from: 1) ${bought}`))).not.toThrow()
  })

  test('is declared as such on both sides', () => {
    for (const undeclared of [
      '',
      '@notPersonal',
      '@derived',
      '@derived(of: ["user.behavior.purchase_history"])',
      '@derived(from: "user.behavior.purchase_history")',
    ])
      expect(() => classified(derivedBy(undeclared))).toThrow('Traits.ordersLastYear is derived, but not @derived')
    expect(() => classified(derivedBy(bought), { ...demoPolicy, computed: [] })).toThrow(
      'Traits.ordersLastYear is @derived, but the policy derives nothing there',
    )
  })

  test('is nullable and closed like any other', () => {
    expect(() => classified(derivedBy(bought, 'Int!'))).toThrow('Traits.ordersLastYear must be nullable')
    expect(() => classified(derivedBy(bought, 'JSON').replace('type Query {', 'scalar JSON type Query {'))).toThrow('Traits.ordersLastYear has an open type')
    expect(() => classified(derivedBy(bought))).not.toThrow()
  })
})
