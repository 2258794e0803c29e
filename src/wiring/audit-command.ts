import 'reflect-metadata'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { openSigningKeys } from '../access/signing-keys.ts'
import { checkpoints } from '../audit/checkpoints.ts'
import { auditExport } from '../audit/export.ts'
import { auditLog, auditText, hashOf } from '../audit/log.ts'
import { funnelDoor } from '../audit/funnel-resolver.ts'
import { loginFunnel, longestPeriod } from '../audit/login-funnel.ts'
import { auditReport } from '../audit/report.ts'
import { reportFiles } from '../audit/report-files.ts'
import { readConfig } from '../config/env.ts'
import { readPolicy } from '../config/policy.ts'
import { ledgerHash, ledgerText } from '../consent/ledger.ts'
import { funnelPage } from '../pages/operator-funnel.ts'
import { languageOf } from '../pages/words.ts'
import { openStorage } from './storage.ts'

const usage = 'npm run audit -- export --to DIR | report|funnel --from 2026-01-01 --to 2026-02-01 [--out report.html]'

/** `npm run audit`: proofs and reports from the database that the environment names. Says what was done, in a sentence. */
export async function auditCommand(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const options = { from: { type: 'string' }, to: { type: 'string' }, out: { type: 'string', default: 'report.html' } } as const
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options })
  const opened = new AsyncDisposableStack()
  try {
    return await carriedOut(opened, positionals[0], values, env)
  } finally {
    await opened.disposeAsync()
  }
}

interface Asked {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly out: string
}

async function carriedOut(
  opened: AsyncDisposableStack,
  what: string | undefined,
  values: Asked,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const config = readConfig(env)
  const policy = readPolicy(await readFile(config.policyFile, 'utf8'), config.policyFile)
  const { db, keys, rows, proofs: store } = await openStorage(opened, config, {})
  const audit = opened.adopt(auditLog(rows.events), (one) => one.close())
  const signing = await openSigningKeys(keys, () => new Date())
  const parts = { store, audit, sign: signing.sign, now: Date.now }

  if (what === 'export' && values.to !== undefined) {
    const publicKeys = () => signing.current().published
    const hashes = { audit: hashOf, ledger: ledgerHash }
    const made = checkpoints({ ...parts, db, leases: rows.leases, hashOf: hashes, publicKeys, every: policy.checkpointEvery })
    const { records, checkpoint } = await auditExport({ ...parts, checkpoints: made, textOf: { audit: auditText, ledger: ledgerText } })(values.to)
    return `${records} records in ${values.to}. Keep this elsewhere, a later export must have it (verify --expect=…): ${checkpoint}`
  }
  const [from, to] = [dateOf(values.from), dateOf(values.to)]
  if (what === 'report' && from !== null && to !== null && from < to) {
    const stem = values.out.replace(/\.html$/, '')
    const report = auditReport({ events: rows.events, alerts: rows.operatorAlerts, audit, policy, sign: signing.sign, now: () => new Date() })
    const filesOf = reportFiles({ report, keys: store, publicKeys: () => signing.current().published, now: () => new Date() })
    for (const { name, text } of await filesOf(basename(stem), from, to, null)) await writeFile(join(dirname(stem), name), text, { mode: 0o600 })
    return `${stem}.html, ${stem}.json; to check them: npm run verify -- ${stem}.jwt --keys ${stem}.keys.json`
  }
  if (what === 'funnel' && from !== null && to !== null && from < to) {
    if (to.getTime() - from.getTime() > longestPeriod) throw new Error(`A funnel is over ${longestPeriod / 86_400_000} days at most.`)
    const failed = (error: unknown): never => {
      throw error
    }
    const funnel = opened.adopt(loginFunnel({ store: rows.funnel, k: policy.k, failed, now: () => new Date() }), (one) => one.close())
    const page = funnelPage(languageOf([policy.defaultLocale], 'en'), policy.controller.name, await funnelDoor(funnel, policy.k)(from, to))
    await writeFile(values.out, page, { mode: 0o600 })
    return values.out
  }
  throw new Error(usage)
}

function dateOf(text: string | undefined): Date | null {
  const date = new Date(text ?? '')
  return Number.isNaN(date.getTime()) ? null : date
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await auditCommand(process.argv.slice(2), process.env).then(
    (said) => process.stdout.write(`${said}\n`),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    },
  )
}
