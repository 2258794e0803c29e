import { accessLog, seenBy } from './account-access.ts'
import type { Account } from './account-data.ts'
import { decisions } from './account-decisions.ts'
import { erasureSection } from './account-erasure.ts'
import { exportSection } from './account-export.ts'
import { known } from './account-known.ts'
import { logins } from './account-logins.ts'
import { profile } from './account-profile.ts'
import { security } from './account-security.ts'
import { devices, sessions } from './account-sessions.ts'
import { erasureWords } from './erasure-words.ts'
import { exportWords } from './export-words.ts'
import type { Fragment } from './html.ts'
import { knownWords } from './known-words.ts'

interface Section {
  readonly id: string
  readonly title: string
  readonly body: Fragment
}

export function sectionsOf(account: Account): Section[] {
  const { view } = account
  const words = view.words.account
  return [
    { id: 'decisions', title: words.decisions, body: decisions(account) },
    { id: 'profile', title: words.profile, body: profile(account) },
    { id: 'known', title: knownWords[view.language].title, body: known(account) },
    { id: 'logins', title: words.logins, body: logins(account) },
    { id: 'security', title: view.words.safety.security, body: security(account) },
    { id: 'sessions', title: words.sessions, body: [sessions(account), devices(account)] },
    { id: 'seen', title: words.seen, body: seenBy(account) },
    { id: 'access', title: words.access, body: accessLog(account) },
    { id: 'export', title: exportWords[view.language].title, body: exportSection(account) },
    { id: 'erasure', title: erasureWords[view.language].title, body: erasureSection(account) },
  ]
}
