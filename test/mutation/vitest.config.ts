import { defineConfig } from 'vitest/config'

/** The tests that mutants must not survive: of the pure decisions, so without servers, and each mutant takes a second. */
export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['gate', 'shape', 'view', 'plan', 'scopes', 'reach', 'match-keys'].map((name) => `test/consent/${name}.test.ts`),
    pool: 'threads',
    // Instrumented, and beside others.
    testTimeout: 120_000,
  },
})
