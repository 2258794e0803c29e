// Imports point one way: a layer may import from those to its right only.
const order = ['main', 'wiring', 'http', 'pages', 'graphql', 'privacy', 'access', 'broker', 'linking', 'personalization', 'customers', 'consent', 'audit', 'mail', 'jobs', 'storage', 'config', 'errors|operation']
const pathOf = (layer) => `^src/(${layer})(/|\\.ts$)`

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...order.slice(1).map((layer, at) => ({
      name: `${layer}-imports-leftward`,
      severity: 'error',
      from: { path: pathOf(layer) },
      to: { path: pathOf(order.slice(0, at + 1).join('|')) },
    })),
    { name: 'no-cycles', severity: 'error', from: { path: '^src' }, to: { circular: true } },
    { name: 'mongoose-in-storage-only', severity: 'error', from: { path: '^src', pathNot: '^src/storage/' }, to: { path: 'node_modules/(mongoose|mongodb)/', dependencyTypesNot: ['type-only'] } },
    { name: 'demo-knows-nothing-of-src', severity: 'error', from: { path: '^demo' }, to: { path: '^src' } },
    { name: 'src-knows-nothing-of-demo', severity: 'error', from: { path: '^src' }, to: { path: '^(demo|test|bench)' } },
  ],
  options: { parser: 'swc', tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' }, enhancedResolveOptions: { extensions: ['.ts', '.js'] } },
}
