import { expect, test } from 'vitest'
import { readPolicy, type Policy, type Purpose } from '../../src/config/policy.ts'
import { stateOf } from '../../src/consent/decisions.ts'
import { covers, withSeenScopes } from '../../src/consent/scopes.ts'
import { now, policyText } from './fixture.ts'

/** What the database keeps, without one. */
function memory() {
  const rows = new Map<string, string[]>()
  const known = (id: string) => rows.get(id) ?? []
  const remember = async (id: string, scope: string) => {
    if (!known(id).includes(scope)) rows.set(id, [...known(id), scope])
    return known(id)
  }
  return { rows, read: async (id: string) => known(id), remember }
}

const changed = (...changes: readonly (readonly [from: string, to: string])[]): Policy => {
  const text = changes.reduce((before, [from, to]) => {
    expect(before).toContain(from)
    return before.replace(from, to)
  }, policyText)
  return readPolicy(text, 'policy.yaml')
}
const wider = [['    clients: [ads]', '    clients: [ads, storefront]']] as const
const newForm = [['{ category: user.demographic, form: BAND }, {', '{ category: user.demographic, form: FULL }, {']] as const
const retold = [['your decade of birth', 'your birthday']] as const
const narrow = [['{ category: user.demographic, form: BAND }, {', '{']] as const

const after = async (...policies: readonly Policy[]) => {
  const seen = memory()
  let last: Policy | undefined
  for (const policy of policies) last = await withSeenScopes(policy, seen)
  const purpose = last?.purpose('personalised_ads')
  if (purpose === undefined) throw new Error('no such purpose')
  const stateUnder = (textVersion: string) => stateOf(purpose, { state: 'granted', textVersion, at: now }, now.getTime())
  return { version: purpose.textVersion, stateUnder, rows: seen.rows, policy: last }
}

test('the same policy again is the same version', async () => {
  const { version, stateUnder } = await after(changed(), changed())
  expect([version, stateUnder('2026-01')]).toEqual(['2026-01', 'GRANTED'])
})

test.each([
  ['another client', wider],
  ['a wider form', newForm],
  ['another text', retold],
])('%s under the version of before outdates what was agreed to, until asked again', async (_, change) => {
  const { version, stateUnder } = await after(changed(), changed(...change))
  expect([version, stateUnder('2026-01'), stateUnder('2026-01+1')]).toEqual(['2026-01+1', 'OUTDATED', 'GRANTED'])
})

test('what becomes narrower keeps its consents; back again, who agreed to the narrower alone is asked', async () => {
  const once = await after(changed(), changed(...narrow))
  expect([once.stateUnder('2026-01'), once.stateUnder('2026-01+1')]).toEqual(['GRANTED', 'GRANTED'])
  const back = await after(changed(), changed(...narrow), changed())
  expect([back.version, back.stateUnder('2026-01'), back.stateUnder('2026-01+1')]).toEqual(['2026-01', 'GRANTED', 'OUTDATED'])
})

test('taking a widening back takes the outdating back', async () => {
  const { version, stateUnder } = await after(changed(), changed(...wider), changed())
  expect([version, stateUnder('2026-01'), stateUnder('2026-01+1')]).toEqual(['2026-01', 'GRANTED', 'GRANTED'])
})

/** The demo's policy with something else about its advertisements. */
const ads = (change: (purpose: Purpose) => Partial<Purpose>, id = 'personalised_ads'): Policy => {
  const policy = changed()
  const purposes = policy.purposes.map((one) => (one.id === id ? { ...one, ...change(one) } : one))
  return { ...policy, purposes, purpose: (wanted) => purposes.find((one) => one.id === wanted) }
}

test('in another order it is the same', async () => {
  const several = { clients: new Set(['ads', 'storefront', 'storefront-b']), processors: ['A', 'B', 'C'] }
  const turned = ads(({ coverage, texts }) => ({
    coverage: coverage.toReversed(),
    texts: new Map([...texts].toReversed()),
    clients: new Set([...several.clients].toReversed()),
    processors: several.processors.toReversed(),
  }))
  const mixed = ads(({ coverage: [a, b, c] }) => ({
    ...(a && b && c ? { coverage: [c, a, b] } : {}),
    clients: new Set(['storefront', 'ads', 'storefront-b']),
    processors: ['B', 'A', 'C'],
  }))
  for (const [first, second] of [
    [ads(() => several), turned],
    [turned, mixed],
    [mixed, ads(() => several)],
  ] as const) {
    const { version, rows } = await after(first, second)
    expect([version, rows.get('personalised_ads@2026-01')?.length]).toEqual(['2026-01', 1])
  }
})

test('only what people agree to is remembered, each purpose by itself; contracts keep their versions', async () => {
  const { rows, policy } = await after(
    changed(),
    ads(() => ({ clients: new Set(['a', 'b']) }), 'order_processing'),
  )
  expect([...rows.keys()].sort()).toEqual(['email_marketing@2026-01', 'personalised_ads@2026-01', 'personalised_shop@2026-01'])
  expect(policy?.purpose('order_processing')).toMatchObject({ textVersion: '2026-01', clients: new Set(['a', 'b']) })
})

test('a correction of the spelling keeps consents to what was seen here and to what was not, unless it brings more along', async () => {
  const corrected = (change: Partial<Purpose> = {}) => ads(() => ({ textVersion: '2026-02', validVersions: new Set(['2026-02', '2026-01']), ...change }))
  const states = async (...policies: readonly Policy[]) => {
    const { version, stateUnder } = await after(...policies)
    return [version, stateUnder('2026-01'), stateUnder('2026-02')]
  }
  expect(await states(changed(), corrected())).toEqual(['2026-02', 'GRANTED', 'GRANTED'])
  expect(await states(corrected())).toEqual(['2026-02', 'GRANTED', 'GRANTED'])
  expect(await states(changed(), corrected({ processors: ['Ad Platform Inc', 'Another'] }))).toEqual(['2026-02', 'OUTDATED', 'GRANTED'])
})

test('a language more or less is the same text', async () => {
  const inEnglish = ads(({ texts }) => ({ texts: new Map([...texts].filter(([locale]) => locale === 'en')) }))
  for (const [first, second] of [
    [changed(), inEnglish],
    [inEnglish, changed()],
  ] as const)
    expect((await after(first, second)).stateUnder('2026-01')).toBe('GRANTED')
})

test('a hash that Google may match is read again as what it was', async () => {
  const google = ads(({ coverage }) => ({ coverage: coverage.map((one) => (one.form === 'HASH' ? { ...one, matchable: 'google' as const } : one)) }))
  expect((await after(google, google)).stateUnder('2026-01')).toBe('GRANTED')
  expect((await after(changed(), google)).stateUnder('2026-01')).toBe('OUTDATED')
})

test('who agreed to all of a category agreed to any form of what lies below it, and to nothing beside', () => {
  const entry = (category: string, form: 'FULL' | 'HASH' | 'BAND', matchable: boolean | 'google' = false) => ({ category, form, matchable })
  const scope = (change: object = {}) => ({ covers: [entry('user.contact', 'FULL')], clients: ['a', 'b'], processors: ['x', 'y'], texts: {}, ...change })
  const has = (wanted: object, agreed: object = {}) => covers(scope(agreed), scope(wanted))
  expect(has({})).toBe(true)
  expect(has({ covers: [entry('user.contact.email', 'HASH', true), entry('user.contact.address', 'FULL')], clients: ['b'], processors: [] })).toBe(true)
  expect([has({ covers: [entry('user.contact', 'FULL'), entry('user.name', 'BAND')] }), has({ covers: [entry('user', 'FULL')] })]).toEqual([false, false])
  expect([has({ clients: ['a', 'c'] }), has({ processors: ['x', 'z'] })]).toEqual([false, false])
  const hashed = { covers: [entry('user.contact.email', 'HASH')] }
  expect([has(hashed, hashed), has({ covers: [entry('user.contact.email', 'HASH', true)] }, hashed)]).toEqual([true, false])
  expect([has({ covers: [entry('user.contact.email', 'FULL')] }, hashed), has({ covers: [entry('user.contact.email', 'BAND')] }, hashed)]).toEqual([
    false,
    false,
  ])
})
