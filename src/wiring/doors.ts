import { tellClients } from '../access/consent-events.ts'
import { gatedClaims } from '../access/gated-claims.ts'
import { loginDoor } from '../access/login-door.ts'
import { standingAfter } from '../access/account.ts'
import { interactionStorage } from '../access/openid-interactions.ts'
import { openOpenIdProvider, type OpenIdParts, type OpenIdProvider } from '../access/openid-provider.ts'
import { secretGuesses } from '../access/secret-guesses.ts'
import { sessionsDoor } from '../access/sessions.ts'
import { signOut } from '../access/sign-out.ts'
import { accessTokenSeconds } from '../access/api-resource.ts'
import { funnelDoor } from '../audit/funnel-resolver.ts'
import { signInWithIdToken } from '../broker/device-login.ts'
import { linkingDoor } from '../broker/linking-door.ts'
import { isRegistered } from '../config/client-uris.ts'
import { consentDoor } from '../consent/door.ts'
import { leaveOpen, undecided } from '../consent/undecided.ts'
import { fieldsByPath } from '../customers/paths.ts'
import { updateProfile } from '../customers/update-profile.ts'
import { readAudit } from '../graphql/audit-read.ts'
import type { ResolverParts } from '../graphql/operation-context.ts'
import type { GraphqlParts } from '../graphql/pipeline.ts'
import { rateLimits } from '../graphql/rate-limits.ts'
import { graphqlServer } from '../graphql/server.ts'
import { openIdNotices, reportDefect } from '../http/notices.ts'
import { mergeDoor } from '../linking/merge-door.ts'
import { unlinkIdentity } from '../linking/unlink.ts'
import { stylesheetPath } from '../pages/style.ts'
import { enrichmentDoor } from '../personalization/enrichment-door.ts'
import { segmentsDoor } from '../personalization/segments-door.ts'
import { restrictProcessing } from '../privacy/restriction.ts'
import { joinedReads } from '../storage/joined-reads.ts'
import { dayBudget, onceStore } from '../storage/redis.ts'
import { openAudiences } from './audiences.ts'
import { openExports } from './exports.ts'
import { openConsents, type Consents } from './consent.ts'
import { openEvents } from './events.ts'
import type { House } from './house.ts'
import { openOperators, openReports } from './operators.ts'
import { openPrivacy } from './privacy.ts'
import { openWalk } from './walk.ts'

/** The ways in: the OpenID provider, and GraphQL. */
export async function openDoors(opened: AsyncDisposableStack, house: House) {
  const consent = await openConsents(house)
  const openid = opened.use(await openOpenIdProvider({ ...(await openIdParts(house)), hear: consent.hear }))
  const { log, metrics, policy, storage, schema, classification, audit } = house
  const report = (error: unknown): string => reportDefect(log, error)
  const privacy = openPrivacy(house, openid)
  const exported = openExports(house, openid)
  const rates = opened.adopt(rateLimits(storage.redis, await storage.keys.obtain('rate/1')), (one) => one.close())
  const behaviour = await openEvents(house, rates)
  const audiences = openAudiences(house)
  const walk = openWalk(house, consent.takeBackForAge)
  const resolvers = {
    ...resolverParts(house, consent, openid, walk),
    ...privacy.doors,
    exports: exported.exports,
    events: behaviour.events,
    audiences: audiences.door,
  }
  const parts: GraphqlParts = {
    schema,
    classification,
    policy,
    callerOf: openid.callerOf,
    mayReadSchema: (caller) => caller.scopes.has('audit:read'),
    heedGpc: consent.heedGpc,
    rates,
    audit: house.other.readAudit ?? readAudit({ note: (event) => audit.note(event), policy, report, now: Date.now }),
    count: (made) => made.decided(({ purpose, outcome, fields }, people) => metrics.gateDecided(purpose, outcome, fields * people)),
    resolvers,
    report,
  }
  const graphql = opened.adopt(await graphqlServer(parts), (one) => one.close())
  return {
    openid,
    graphql,
    rates,
    audiences: audiences.routes,
    privacy,
    ...exported,
    behaviour,
    consents: resolvers.consents,
    funnelOf: resolvers.loginFunnel,
    report: openReports(house, openid),
    confirmations: consent.confirmations,
    heedGpc: consent.heedGpc,
    leaveOpen: leaveOpen(consent.recording),
    walk,
  }
}

async function openIdParts({
  config,
  log,
  policy,
  storage,
  audit,
  registry,
  subjects,
  schema,
  classification,
  customers,
  login,
  alerts,
  stepUp,
  operators,
  counted,
}: House): Promise<Omit<OpenIdParts, 'hear'>> {
  const { rows, records, keys } = storage
  // Longer than a provider's ID token lives; in MongoDB, so that an emptied Redis lets none in twice.
  const spend = (provider: string, nonce: string) =>
    records.putNew({ kind: 'DeviceNonce', id: `${provider}:${nonce}`, payload: {}, expiresAt: new Date(Date.now() + 25 * 3_600_000) })
  return {
    publicUrl: config.publicUrl,
    policy,
    clients: registry,
    records,
    keys,
    subjects,
    operators,
    pending: interactionStorage(onceStore(storage.redis, 'interaction'), await keys.obtain('interaction/1')),
    standingAfter: standingAfter(joinedReads(rows.customers), policy.stepUp.signIn.risks),
    jobs: storage.jobs,
    undecided: undecided(rows.customers, policy),
    grantEnded: (customer, grant) => rows.customers.endGrant(customer, grant, new Date(Date.now() + accessTokenSeconds * 1000), new Date()),
    claimsFor: gatedClaims({ schema, classification, reads: customers.reads, customers: rows.customers }),
    signInWithIdToken: signInWithIdToken({ ...login, spend, admit: stepUp.withoutPage, counted }),
    knowsProvider: (id) => login.providers.has(id),
    noticed: openIdNotices(log, audit, alerts),
    alertAnswered: (customer) => alerts.answer(customer),
    secretGuesses: secretGuesses(storage.redis, await keys.obtain('rate/1')),
    stylesheet: stylesheetPath,
    fetch,
    now: () => new Date(),
  }
}

function resolverParts(
  house: House,
  { recording, takeBackForAge }: Consents,
  { door, endings, signingKeys }: OpenIdProvider,
  { derivedAnew }: ReturnType<typeof openWalk>,
): Omit<ResolverParts, 'audiences' | 'events' | 'erasures' | 'exports' | 'lookUp' | 'requests'> {
  const { policy, storage, audit, registry, subjects, linking, customers, login, linkStart, stepUp, enrolment } = house
  const { db, rows } = storage
  const changing = { db, customers: rows.customers, audit }
  const fields = fieldsByPath(house.classification)
  const writing = { ...changing, takeBackForAge, policy, fields }
  return {
    customers: { ...customers, updateProfile: (caller, input) => updateProfile(writing, caller, input, new Date()) },
    login: loginDoor({ providers: login.providers, door, signOut: signOut({ ...changing, jobs: storage.jobs, endings }) }),
    sessions: sessionsDoor({ ...changing, endings, client: (id) => registry.find(id), isProvider: (way) => login.providers.has(way) }),
    linking: linkingDoor({
      linking: linkStart,
      unlink: (customer, id, client) => unlinkIdentity(linking, customer, id, client),
      endEverywhere: (customer) => endings.endEverywhere(customer),
      mayReturnTo: (id, uri) => {
        const client = registry.find(id)
        return client !== undefined && isRegistered(uri, client.redirectUris, client.application)
      },
      requireStepUp: stepUp.require,
    }),
    factors: enrolment,
    stepUp,
    merges: mergeDoor({
      ...linking,
      ...rows,
      takeBackForAge,
      derivedAnew,
      policy,
      jobs: storage.jobs,
      tell: tellClients({ jobs: storage.jobs, clients: () => registry.all(), policy }),
      proofs: login.mergeProofs,
      forgetting: house.forgetting,
      requireStepUp: async (caller, action) => void (await stepUp.require(caller, action)),
      endEverywhere: endings.endEverywhere,
    }),
    consents: consentDoor({
      ...recording,
      customers: rows.customers,
      decisionsUrl: `${house.config.publicUrl}/account#decisions`,
      signReceipt: (claims) => signingKeys.sign(claims, 'consent-receipt+jwt'),
      subjectOf: (caller, customer) => subjects.outwardOne(caller.sector, customer),
    }),
    privacy: { restrict: restrictProcessing(changing) },
    enrichment: enrichmentDoor({ ...changing, policy, fields, now: () => new Date() }),
    loginFunnel: funnelDoor(house.funnel, policy.k),
    segments: segmentsDoor({ customers: rows.customers, policy, trialKey: house.trialKey, trialBudget: dayBudget(storage.redis, 'trial'), now: Date.now }),
    ...openOperators(house),
  }
}

export type Doors = House & Awaited<ReturnType<typeof openDoors>>
