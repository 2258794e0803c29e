import type { ClientChangesDoor } from '../access/client-changes-resolver.ts'
import type { FactorsDoor } from '../access/factors-resolver.ts'
import type { SessionsDoor } from '../access/sessions-resolver.ts'
import type { StepUp } from '../access/step-up.ts'
import type { LinkingDoor } from '../broker/linking-resolver.ts'
import type { LoginDoor } from '../broker/resolver.ts'
import type { AlertsDoor } from '../audit/alerts-resolver.ts'
import type { AuditDoor } from '../audit/resolver.ts'
import type { FunnelDoor } from '../audit/funnel-resolver.ts'
import type { ConsentDoor } from '../consent/resolver.ts'
import type { Reading } from '../customers/reads.ts'
import type { CustomerDoor } from '../customers/resolver.ts'
import type { MergeDoor } from '../linking/merge-resolver.ts'
import type { Audiences } from '../personalization/audiences.ts'
import type { EventsDoor } from '../personalization/events-resolver.ts'
import type { RequestFacts } from '../operation.ts'
import type { EnrichmentDoor } from '../personalization/enrichment-resolver.ts'
import type { SegmentsDoor } from '../personalization/segments-door.ts'
import type { ErasureDoor } from '../privacy/erasure-resolver.ts'
import type { PrivacyRequestDoor } from '../privacy/requests-resolver.ts'
import type { LookUpDoor } from '../privacy/look-up-resolver.ts'
import type { ExportsDoor } from '../privacy/export-resolver.ts'
import type { PrivacyDoor } from '../privacy/resolver.ts'

/** What resolvers may call, filled by `main.ts`; each folder says itself what it needs. */
export interface ResolverParts {
  readonly login: LoginDoor
  readonly sessions: SessionsDoor
  readonly factors: FactorsDoor
  readonly stepUp: Pick<StepUp, 'start' | 'sendCode' | 'complete'>
  readonly linking: LinkingDoor
  readonly merges: MergeDoor
  readonly events: EventsDoor
  readonly audiences: Pick<Audiences, 'page'>
  readonly consents: ConsentDoor
  readonly customers: CustomerDoor
  readonly privacy: PrivacyDoor
  readonly exports: ExportsDoor
  readonly erasures: ErasureDoor
  readonly requests: PrivacyRequestDoor
  readonly audit: AuditDoor
  readonly enrichment: EnrichmentDoor
  readonly loginFunnel: FunnelDoor
  readonly alerts: AlertsDoor
  readonly segments: SegmentsDoor
  readonly clientChanges: ClientChangesDoor
  readonly lookUp: LookUpDoor
}

/** One GraphQL operation: made for it, dropped with it. Nothing that it holds outlives the answer. */
export interface Operation extends Reading {
  readonly request: RequestFacts
  readonly parts: ResolverParts
}
