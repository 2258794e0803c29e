import type { JWK } from 'jose'
import type { Caller } from '../operation.ts'
import type { SignedReport } from './report.ts'

/** One of the files that belong together. */
export interface ReportFile {
  readonly name: string
  readonly text: string
}

export interface ReportFileParts {
  readonly report: (from: Date, to: Date, by: Caller | null) => Promise<SignedReport>
  readonly keys: { publish(keys: readonly JWK[], at: Date): Promise<void>; published(): Promise<readonly JWK[]> }
  /** Those that it was signed with. */
  readonly publicKeys: () => readonly JWK[]
  readonly now: () => Date
}

/**
 * A report with all that it takes to check it offline: `stem.html` and `stem.json`, `stem.jwt` over both, and the keys
 * (`npm run verify -- stem.jwt --keys stem.keys.json`). `by`: the operator who asked; null at the command line.
 */
export function reportFiles({ report, keys, publicKeys, now }: ReportFileParts) {
  return async (stem: string, from: Date, to: Date, by: Caller | null): Promise<readonly ReportFile[]> => {
    const { html, json, signature } = await report(from, to, by)
    await keys.publish(publicKeys(), now())
    const names = { html: `${stem}.html`, json: `${stem}.json` }
    return [
      { name: names.html, text: html },
      { name: names.json, text: json },
      { name: `${stem}.jwt`, text: await signature(names) },
      { name: `${stem}.keys.json`, text: `${JSON.stringify({ keys: await keys.published() }, null, 2)}\n` },
    ]
  }
}
