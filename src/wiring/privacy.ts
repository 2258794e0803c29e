import { tellClients } from '../access/consent-events.ts'
import type { OpenIdProvider } from '../access/openid-provider.ts'
import { erasureDoor } from '../privacy/erasure-door.ts'
import { erasures as erasuresOf } from '../privacy/erasure.ts'
import { heldLookUp } from '../privacy/held-look-up.ts'
import { lookUpDoor } from '../privacy/look-up.ts'
import { requestDoor } from '../privacy/requests-door.ts'
import { privacyRequests } from '../privacy/requests.ts'
import { retention as retentionOf } from '../privacy/retention.ts'
import { customerRows } from '../storage/fates.ts'
import type { House } from './house.ts'

/** Erasing, retention, and requests that come by other ways: what GraphQL calls, and what is done beside it. */
export function openPrivacy(house: House, { endings, signingKeys }: OpenIdProvider) {
  const { config, storage, policy, classification, audit, linking, post, registry, subjects, stepUp } = house
  const { db, rows, jobs } = storage
  const now = () => new Date()
  const erasures = erasuresOf({
    db,
    ...rows,
    rows: customerRows(db),
    audit,
    grants: linking.grants,
    tell: tellClients({ jobs, clients: () => registry.all(), policy }),
    jobs,
    post,
    policy,
    classification,
    endEverywhere: endings.endEverywhere,
    sign: signingKeys.sign,
    issuer: `${config.publicUrl}/oidc`,
    now,
  })
  const retention = retentionOf({ db, ...rows, audit, jobs, erasures, overdue: rows, policy, classification, now })
  return {
    erasures,
    retention,
    doors: {
      erasures: erasureDoor({ erasures, customers: rows.customers, policy, requireStepUp: stepUp.require }),
      lookUp: {
        ...lookUpDoor({ db, ...rows, keys: linking.keys, audit, subjects, now }),
        held: heldLookUp({ db, ...rows, audit, subjects, policy, now }),
      },
      requests: requestDoor({ requests: privacyRequests({ db, ...rows, audit, erasures, now }), subjects, now }),
    },
  }
}
