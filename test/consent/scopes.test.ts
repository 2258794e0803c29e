import { expect, test } from 'vitest'
import { readPolicy, type Policy } from '../../src/config/policy.ts'
import { stateOf } from '../../src/consent/decisions.ts'
import { withSeenScopes } from '../../src/consent/scopes.ts'
import { now, policyText } from './fixture.ts'

/** What the database keeps, without one. */
function memory() {
  const rows = new Map<string, string[]>()
  const read = async (id: string) => rows.get(id) ?? []
  const remember = async (id: string, scope: string) => {
    const known = await read(id)
    rows.set(id, known.includes(scope) ? known : [...known, scope])
    return read(id)
  }
  return { read, remember }
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
  return { version: purpose.textVersion, stateUnder }
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
