import { defineConfig } from 'vitest/config'

const pure = [
  ['gate', 'view', 'shape', 'shown', 'match-keys', 'derived', 'reach', 'classification', 'plan', 'collected'],
  ['choices', 'said', 'heard', 'tcf', 'words', 'scopes', 'reused-names'],
].flat()

/** The tests that mutants must not survive: of decisions, so without servers, and each mutant takes seconds. */
export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: pure.map((name) => `test/consent/${name}.test.ts`),
    pool: 'threads',
    // Instrumented, and beside others.
    testTimeout: 120_000,
  },
})
