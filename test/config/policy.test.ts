import { readFileSync } from 'node:fs'
import { Kind, parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { profileCategories } from '../../src/config/categories.ts'
import { addDuration } from '../../src/config/duration.ts'
import { policyJsonSchema } from '../../src/config/policy-file.ts'
import { readPolicy } from '../../src/config/policy.ts'
import { demoPolicy, policyText } from '../consent/fixture.ts'

const problemsOf = (text: string): string[] => {
  try {
    readPolicy(text, 'policy.yaml')
    return []
  } catch (error) {
    return error instanceof Error
      ? error.message
          .split('\n')
          .slice(1)
          .map((line) => line.trim())
      : []
  }
}

describe('the demo policy', () => {
  test('has its purposes in order, one bit each, the built-in ones first', () => {
    expect(demoPolicy.purposes.map(({ id, mask }) => [id, mask])).toEqual([
      ['data_subject_access', 1],
      ['consent_record', 2],
      ['order_processing', 4],
      ['personalised_shop', 8],
      ['email_marketing', 16],
      ['personalised_ads', 32],
      ['fraud_prevention', 64],
    ])
    expect(demoPolicy.namesOf(demoPolicy.maskOf(['email_marketing', 'nothing']))).toEqual(['email_marketing'])
  })

  test('reads the same as JSON', () => {
    const json = JSON.stringify({
      controller: demoPolicy.controller,
      locales: ['en'],
      onlyForThePerson: ['user'],
      purposes: [
        {
          id: 'shop',
          legalBasis: 'CONTRACT',
          covers: [{ category: 'user', form: 'FULL' }],
          clients: [],
          retention: 'P1Y',
          texts: [{ version: '1', date: '2026-01-01', en: { title: 'a', text: 'b' } }],
        },
      ],
    })
    expect(readPolicy(json, 'policy.json').purpose('shop')).toMatchObject({ legalBasis: 'CONTRACT', textVersion: '1' })
  })

  test('the list of profile categories is that of the schema', () => {
    const customer = parse(readFileSync('schema/entente.graphql', 'utf8')).definitions.find(
      (one) => one.kind === Kind.OBJECT_TYPE_DEFINITION && one.name.value === 'Customer',
    )
    const fields = customer?.kind === Kind.OBJECT_TYPE_DEFINITION ? (customer.fields ?? []) : []
    const plain = fields.flatMap(({ type, directives }) => {
      const category = directives?.find(({ name }) => name.value === 'personalData')?.arguments?.[0]?.value
      return type.kind === Kind.NAMED_TYPE && ['String', 'Int'].includes(type.name.value) && category?.kind === Kind.STRING
        ? [`${category.value} ${type.name.value}`]
        : []
    })
    expect(new Set(plain)).toEqual(new Set(profileCategories.map(({ category, type }) => `${category} ${type}`)))
  })

  test('its JSON Schema is printed from the code', () => expect(JSON.parse(readFileSync('schema/policy.schema.json', 'utf8'))).toEqual(policyJsonSchema()))
})

describe('the section about step-ups', () => {
  const before = policyText.split('\nstepUp:')[0] ?? ''
  test('may be left out, and asks for a recent sign-in and at the usual risks then', () => {
    const { stepUp } = readPolicy(before, 'policy.yaml')
    expect(stepUp).toEqual(demoPolicy.stepUp)
    expect([stepUp.eraseMe.within, stepUp.eraseMe.risks.size, stepUp.signIn.risks.size]).toEqual([600_000, 0, 6])
  })

  test('sets times and risks; a code from the mailbox stays a risk', () => {
    const { stepUp } = readPolicy(`${before}\nstepUp: { actions: { eraseMe: { within: P1DT1H30M } }, signIn: { risks: [] } }`, 'policy.yaml')
    expect([stepUp.eraseMe.within, stepUp.addFactor.within, [...stepUp.signIn.risks]]).toEqual([91_800_000, 600_000, ['mailWayIn']])
  })

  test.each([
    '{ actions: { signIn: { within: PT1M } } }',
    '{ actions: { eraseMe: { within: PT } } }',
    '{ actions: { eraseMe: {} } }',
    '{ signIn: { risks: [mailWayIn] } }',
  ])('cannot be used as %s', (section) => expect(problemsOf(`${before}\nstepUp: ${section}`)).toHaveLength(1))
})

describe('a policy that cannot be used', () => {
  test('is refused with everything that is wrong, each at its line and column', () => {
    const text = policyText
      .replace('k: 10', 'k: 1\nextra: true')
      .replace('retention: P10Y', 'retention: ten years')
      .replace('user.content.self_image', 'user.content.selfie')
      .replace('form: BAND', 'form: REGION')
      .replace('id: personalised_ads', 'id: email_marketing')
      .replace(/ {8}de:\n.*\n.*\n/, '')
      .replace('name: favouriteColours', 'name: clothingSize')
    expect(problemsOf(text).map((line) => line.replace(/(: Too small).*/, '$1'))).toEqual([
      'policy.yaml:7:1 k: Too small',
      'policy.yaml:8:1 extra: is not known here',
      'policy.yaml:21:5 purposes.0.retention: is not an ISO 8601 duration such as P13M or P2Y',
      'policy.yaml:24:9 purposes.0.texts.0: the text in de is missing',
      'policy.yaml:35:11 purposes.1.covers.1.category: is not a known category (Fideslang)',
      'policy.yaml:61:39 purposes.2.covers.2.form: no field of user.demographic can take the form REGION',
      'policy.yaml:81:5 purposes.3.id: email_marketing is already there',
      'policy.yaml:122:7 attributes.1.name: clothingSize is already there',
      'policy.yaml:213:14 questions.1.about.trait: is no attribute',
    ])
  })

  test.each([
    ['requires: [email_marketing]', 'purposes.2.requires.0: email_marketing requires itself by way of email_marketing'],
    ['requires: [nothing_here]', 'purposes.2.requires.0: nothing_here is no purpose'],
    ['legalBasis: FAITH', 'purposes.2.legalBasis: '],
    ['id: constructor', 'purposes.2.id: constructor is reserved'],
  ])('for %s', (member, problem) => {
    const [before = '', after = ''] = policyText.split('  - id: email_marketing\n    legalBasis: CONSENT\n')
    const head = { id: 'id: email_marketing', legalBasis: 'legalBasis: CONSENT', [member.split(':')[0] ?? '']: member }
    expect(problemsOf(`${before}  - ${Object.values(head).join('\n    ')}\n${after}`).join('\n')).toContain(problem)
  })

  test('for a category that one purpose covers twice, whatever the forms', () => {
    const picture = '      - { category: user.content.self_image, form: FULL }\n'
    const [name, email] = ['      - { category: user.name, form: FULL }\n', '      - { category: user.contact.email, form: FULL }\n']
    const text = policyText
      .replace(picture, `${picture}${picture.replace('FULL', 'PRESENCE')}`)
      .replace(name, `${name}${name}`)
      .replace(email, `${email}${email}`)
    const problems = problemsOf(text)
    for (const category of ['user.content.self_image', 'user.name', 'user.contact.email'])
      expect(problems).toContainEqual(expect.stringContaining(`category: ${category} is already there`))
  })

  test('for a field that no purpose covers', () => {
    const text = policyText.replace('      - { category: user.content.self_image, form: FULL }\n', '')
    expect(problemsOf(text)).toEqual([expect.stringContaining('no purpose covers user.content.self_image')])
    expect(problemsOf(text.replace('k: 10', 'onlyForThePerson: [user.content.self_image]'))).toEqual([])
  })

  test('for texts out of order or corrected from nowhere', () => {
    const corrects = policyText.replace('date: 2026-01-15', 'date: 2026-01-15\n        correctsSpellingOf: 2025-01')
    expect(problemsOf(corrects)).toEqual([expect.stringContaining('2025-01 is no earlier version')])
  })

  test.each([
    ['purposes: [', 'policy.yaml:1:'],
    ['', 'policy.yaml:1:1 file'],
    ['a: &a [x]\nb: [*a, *a]\na: 1', 'unique'],
  ])('for %j', (text, problem) => expect(problemsOf(text).join('\n')).toContain(problem))

  test('for more purposes than there are bits', () => {
    const purpose = (i: number) => ({
      id: `purpose_${i}`,
      legalBasis: 'CONTRACT',
      covers: [{ category: 'user', form: 'FULL' }],
      clients: [],
      retention: 'P1Y',
      texts: [{ version: '1', date: '2026-01-01', en: { title: 'a', text: 'b' } }],
    })
    const file = (count: number) =>
      JSON.stringify({ controller: demoPolicy.controller, locales: ['en'], purposes: Array.from({ length: count }, (_, i) => purpose(i)) })
    expect(readPolicy(file(29), 'p').purposes.map(({ mask }) => mask > 0)).not.toContain(false)
    expect(problemsOf(file(30))).toEqual([expect.stringContaining('more than 29 purposes do not fit')])
  })
})

test.each([
  ['P1M', '2026-01-31', '2026-02-28'],
  ['P13M', '2026-01-15', '2027-02-15'],
  ['P1Y', '2024-02-29', '2025-02-28'],
  ['P2W3D', '2026-12-20', '2027-01-06'],
])('%s after %s is %s', (duration, from, to) => expect(addDuration(new Date(from), duration)).toEqual(new Date(to)))
