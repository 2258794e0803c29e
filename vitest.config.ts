import { defineConfig } from 'vitest/config'

const deep = process.env['ENTENTE_DEEP'] === '1'

export default defineConfig({
  // Vite would take the ES module build of graphql and Node's loader the other one: two copies refuse each other's schemas.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    // Long searches and soaks: `npm run test:deep`.
    exclude: deep ? [] : ['test/**/*.deep.test.ts'],
    globalSetup: 'test/support/servers.ts',
    pool: 'forks',
    // The house is loaded once a worker, not once a file: that is a third of all the time.
    isolate: false,
    // One more than the machine that this is for has cores: tests wait for databases, browsers and other processes.
    maxWorkers: 3,
    reporters: ['default', './scripts/run/closing-line.mjs'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
