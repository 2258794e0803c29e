import type { OpenIdProvider } from '../access/openid-provider.ts'
import { exportIndex } from '../pages/export-index.ts'
import { exportDoor } from '../privacy/export-door.ts'
import { exportWork } from '../privacy/export-work.ts'
import type { House } from './house.ts'

/** Archives of all that is kept about a person: what asks for them and gives them out, and the work of making them. */
export function openExports(house: House, { endings }: OpenIdProvider) {
  const { config, storage, policy, registry, audit, stepUp } = house
  const parts = { ...storage.rows, db: storage.db, jobs: storage.jobs, keep: policy.export.keep, now: Date.now }
  return {
    exports: exportDoor({ ...parts, audit, requireStepUp: stepUp.require, publicUrl: config.publicUrl }),
    exportWork: exportWork({ ...house, ...parts, clients: () => registry.all(), sessionsOf: endings.sessionsOf, index: exportIndex }),
  }
}
