/** Says where to go, and what can be done there. */
export function announce({ publicUrl, demo, workers, logs }) {
  const processes = workers === 1 ? '' : ` (${workers} processes)`
  console.log(demo ? demonstration(publicUrl, processes, logs) : real(publicUrl, processes, logs))
}

const demonstration = (publicUrl, processes, logs) => `
Entente is ready${processes}. Open

    http://127.0.0.1:4201

A second shop of the house is at http://127.0.0.1:4202, its newsletter tool at http://127.0.0.1:4203; docs/film.md is the story of all three.
It runs on simulated providers (no real Google, Apple or Facebook is asked). You can play:
    anna   the same address everywhere          ben    hides his address at Apple
    cem    shares no address at Facebook        dora   cancels every login
    eva    her profile is an attack
Every mail that Entente writes is shown at http://127.0.0.1:4106.
GraphQL is at ${publicUrl}/graphql; the tools marketing, ads and operator log in with the
secret <client id>-demo-secret. Real credentials: see README. Logs: ${logs}. Ctrl-C stops everything.
`

const real = (publicUrl, processes, logs) => `
Entente is ready${processes}. Open

    ${publicUrl}/account

GraphQL is at ${publicUrl}/graphql. Logs: ${logs}. Ctrl-C stops everything.
`
