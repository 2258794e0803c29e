/** What decides, and nothing that only carries: docs/mutation.md says what holds the rest. */
const decisions = [
  ['gate', 'view', 'shape', 'reduce', 'dead-address', 'site', 'report', 'derived', 'reach', 'classification', 'plan', 'collect-fields'],
  ['decisions', 'choices', 'set-decisions', 'live-token', 'before-login', 'gpc', 'signals', 'tcf', 'undecided', 'texts', 'scopes', 'reused-names'],
].flat()

/** `npm run test:mutation`: mutants of the gate and of what it decides by. docs/mutation.md says which ones live, and why. */
export default {
  mutate: decisions.map((name) => `src/consent/${name}.ts`),
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  timeoutMS: 20_000,
  dryRunTimeoutMinutes: 30,
  reporters: ['clear-text', 'json'],
  clearTextReporter: { allowColor: false, reportTests: false, allowEmojis: false },
  jsonReporter: { fileName: '.stryker-tmp/report.json' },
  ignorePatterns: ['dist', '.data', '.cache'],
  // Its preprocessor asks TypeScript 7 for an interface that is gone.
  tsconfigFile: 'none',
  thresholds: { high: 95, low: 90, break: 90 },
}
