import { errors, type Adapter, type AdapterPayload } from 'oidc-provider'
import type { Client } from '../config/clients.ts'
import type { CustomerKey } from '../operation.ts'
import type { OpenIdRecord, OpenIdRecords } from '../storage/openid-records.ts'
import { sessionStorage } from './browser-session.ts'
import { metadataOf } from './client-metadata.ts'
import { interactionSeconds, type InteractionStorage } from './openid-interactions.ts'
import { writtenTogether } from './written-together.ts'

export interface AdapterParts {
  readonly records: OpenIdRecords
  readonly pending: InteractionStorage
  readonly clients: { find(id: string): Client | undefined }
  /** Ends the access tokens of a grant, which are checked without asking here. */
  readonly grantEnded: (customer: CustomerKey, grant: string) => Promise<void>
  readonly now: () => Date
}

/** A pushed request is looked at once more when its login ends, so that it serves one login only. */
const keptSeconds: Readonly<Record<string, number>> = { PushedAuthorizationRequest: interactionSeconds }
const day = 86_400
const usedMeanwhile = 'already used, at the same moment'

/**
 * Storage of oidc-provider. The library reads `consumed` before it calls `consume()` and so cannot see a lost race: here consuming is one
 * conditional update, and who comes second is refused.
 */
export function openIdAdapter(parts: AdapterParts): (model: string) => Adapter {
  const { records } = parts
  const together = writtenTogether(records)
  const later = (seconds: number) => new Date(parts.now().getTime() + seconds * 1000)
  const unused = async () => undefined

  const forClients: Adapter = {
    upsert: unused,
    find: async (id) => {
      const client = parts.clients.find(id)
      return client && metadataOf(client)
    },
    findByUid: unused,
    findByUserCode: unused,
    consume: unused,
    destroy: unused,
    revokeByGrantId: unused,
  }

  const forModel = (model: string): Adapter => ({
    async upsert(id, payload, expiresIn = day) {
      const { jti: _id, ...rest } = payload
      // A grant is its own: a device's login without a refresh token leaves no other trace.
      const grant = model === 'Grant' ? id : rest.grantId
      const record = {
        kind: model,
        id,
        payload: rest,
        expiresAt: later(expiresIn + (keptSeconds[model] ?? 0)),
        ...(rest.accountId !== undefined && { customer: rest.accountId }),
        ...(grant !== undefined && { grant }),
      }
      if (model === 'ReplayDetection') {
        if (!(await records.putNew(record))) throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
        return
      }
      if (!(await together.put(record))) throw new errors.InvalidGrant(usedMeanwhile)
    },
    find: async (id) => payloadOf(await records.read(model, id), id),
    findByUid: unused,
    findByUserCode: unused,
    async consume(id) {
      if (await together.consume(model, id)) return
      throw model === 'PushedAuthorizationRequest' ? new errors.InvalidRequestUri('request_uri was already used') : new errors.InvalidGrant(usedMeanwhile)
    },
    async destroy(id) {
      if (model === 'Grant') await endAccessTokens(id)
      await records.remove(model, id)
    },
    revokeByGrantId: (grant) => records.removeOfGrant(grant),
  })

  // Before the grant goes: should the process end in between, too much has ended and not too little.
  async function endAccessTokens(grant: string): Promise<void> {
    const customer = (await records.read('Grant', grant))?.customer
    if (customer !== undefined && customer !== null) await parts.grantEnded(customer, grant)
  }

  const special: Readonly<Record<string, Adapter>> = {
    Client: forClients,
    Session: { ...forModel('Session'), ...sessionStorage({ records, later, takeHeld: together.takeHeld }) },
    Interaction: { ...forModel('Interaction'), ...parts.pending },
  }
  return (model) => special[model] ?? forModel(model)
}

function payloadOf(record: OpenIdRecord | null, id: string): AdapterPayload | undefined {
  if (record === null) return undefined
  return { ...record.payload, jti: id, ...(record.consumedAt !== null && { consumed: Math.floor(record.consumedAt.getTime() / 1000) }) }
}
