import { expect, test } from 'vitest'
import { rowsOf } from '../support/tables.ts'

/** One module of the OpenID Foundation's suite, by its name there. */
export interface Module<Subject> {
  readonly name: string
  /** What the suite would say: `warning` and `skipped` are no failures there. */
  readonly result?: 'warning' | 'skipped'
  readonly run: (subject: Subject) => Promise<void>
}

/** Runs a plan's modules, each a test of its own, and holds docs/conformance.md to them: the same names with the same results. */
export function testPlan<Subject>(plan: string, modules: readonly Module<Subject>[], subject: () => Subject): void {
  test.for(modules.map((one) => [one.name, one] as const))('%s', ([, { run }]) => run(subject()))

  test(`docs/conformance.md has ${plan}`, () => {
    const told = rowsOf('docs/conformance.md').filter((row) => row['plan']?.split(' ').includes(plan))
    expect(told.flatMap((row) => (row['modules'] ?? '').split(' ').map((name) => [name, row['result']] as const)).toSorted()).toEqual(
      modules.map(({ name, result }) => [name, result ?? 'passed'] as const).toSorted(),
    )
  })
}
