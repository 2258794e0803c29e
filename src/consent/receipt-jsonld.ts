import type { Policy } from '../config/policy.ts'
import type { LedgerRow } from '../storage/consent-ledger.ts'
import { statusNames, type Receipt } from './receipt.ts'

/** The vocabulary in the document itself: who reads it fetches nothing. */
const context = {
  dpv: 'https://w3id.org/dpv#',
  'eu-gdpr': 'https://w3id.org/dpv/legal/eu/gdpr#',
  dct: 'http://purl.org/dc/terms/',
  xsd: 'http://www.w3.org/2001/XMLSchema#',
  date: { '@id': 'dct:date', '@type': 'xsd:dateTime' },
} as const

/** Art. 6(1) GDPR, by letter, as DPV's extension for it names them. */
const bases: Readonly<Record<string, string>> = {
  CONSENT: 'eu-gdpr:A6-1-a',
  CONTRACT: 'eu-gdpr:A6-1-b',
  LEGAL_OBLIGATION: 'eu-gdpr:A6-1-c',
  LEGITIMATE_INTEREST: 'eu-gdpr:A6-1-f',
}

/**
 * The receipt as JSON-LD, in the terms of the W3C's DPV for the fields of ISO/IEC TS 27560 (header, processing, parties, events). It says
 * what the signed receipt of the same id says, and no more; `accountUrl` is where a consent is taken back.
 */
export function receiptJsonLd({ id, decidedAt, consents }: Receipt, entry: LedgerRow, subject: string, policy: Policy, accountUrl: string): string {
  const controller = {
    '@id': '_:controller',
    '@type': 'dpv:DataController',
    'dpv:hasName': policy.controller.name,
    'dpv:hasContact': policy.controller.contact,
  }
  const { jurisdiction, storageLocations } = policy.controller
  const consentOf = ({ purpose: name, textVersion, textHash, locale }: LedgerRow['decisions'][number]) => {
    const consent = consents.find((one) => one.purpose === name)
    const purpose = policy.purpose(name)
    return {
      '@type': 'dpv:Process',
      'dpv:hasPurpose': { '@type': 'dpv:Purpose', 'dct:identifier': name },
      'dpv:hasLegalBasis': purpose && { '@id': bases[purpose.legalBasis] },
      'dpv:hasNotice': { '@type': 'dpv:ConsentNotice', 'dct:hasVersion': textVersion, 'dct:identifier': `sha256:${textHash}`, 'dct:language': locale },
      'dpv:hasPersonalData': purpose?.coverage.map(({ category, form }) => ({ 'dct:identifier': category, 'dct:format': form })),
      'dpv:hasStorageCondition': purpose && [
        { '@type': 'dpv:StorageDuration', 'dpv:hasDuration': purpose.retention },
        ...(storageLocations ? [{ '@type': 'dpv:StorageLocation', 'dpv:hasLocation': storageLocations }] : []),
      ],
      'dpv:hasJurisdiction': jurisdiction,
      'dpv:hasRecipient': [...(purpose?.clients ?? []), ...(purpose?.processors ?? [])].toSorted(),
      'dpv:hasConsentStatus': consent && { '@id': `dpv:${statusNames[consent.state]}`, date: decidedAt.toISOString() },
      'dct:valid': consent?.expiresAt?.toISOString(),
      'dpv:isImplementedByEntity': { '@id': `urn:entente:customer:${subject}` },
    }
  }
  return JSON.stringify({
    '@context': context,
    '@id': `urn:entente:receipt:${id}`,
    '@type': 'dpv:ConsentRecord',
    'dct:conformsTo': 'https://w3id.org/dpv/guides/consent-27560#receipt-eu-gdpr',
    'dct:identifier': id,
    'dct:hasVersion': policy.version,
    date: decidedAt.toISOString(),
    'dpv:hasDataSubject': { '@id': `urn:entente:customer:${subject}`, '@type': 'dpv:DataSubject' },
    'dpv:hasDataController': controller,
    'dpv:hasService': { 'dct:identifier': entry.surface },
    'dpv:hasConsentControl': { '@type': 'dpv:WithdrawConsent', '@id': accountUrl },
    'dpv:hasRight': ['A13', 'A15', 'A16', 'A17', 'A18', 'A20', 'A21', 'A7-3'].map((article) => ({ '@id': `eu-gdpr:${article}` })),
    'dpv:hasProcess': entry.decisions.map(consentOf),
  })
}
