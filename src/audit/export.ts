import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Chained, ChainedRows, RecordedHead } from '../storage/chain-heads.ts'
import type { CheckpointStore } from '../storage/checkpoints.ts'
import { checkpointHash, noteBroken, type Checkpoints } from './checkpoints.ts'
import type { AuditLog } from './log.ts'

export interface ExportParts {
  readonly store: CheckpointStore
  readonly checkpoints: Checkpoints
  readonly audit: Pick<AuditLog, 'note'>
  /** The very text that a row's hash was made of. */
  readonly textOf: { readonly [Kind in Chained]: (row: ChainedRows[Kind]) => string }
  readonly sign: (claims: Record<string, unknown>, type: string) => Promise<string>
  readonly now: () => number
}

export interface Exported {
  readonly records: number
  /** Hash of the newest checkpoint: to be kept elsewhere, a later export must have it. */
  readonly checkpoint: string
}

/**
 * Writes what `verify/entente-verify.mjs` checks: ledger and audit log up to a checkpoint that is made for it, all checkpoints with the
 * heads that each named, the public keys. A line of a record is `["hash",[…]]`, and the inner array stands there byte for byte as it was
 * hashed. Streams: memory does not grow with the records. The export is in the audit log.
 */
export function auditExport({ store, checkpoints, audit, textOf, sign, now }: ExportParts) {
  async function* linesOf<Kind extends Chained>(kind: Kind, upTo: number, count: () => void): AsyncGenerator<string> {
    for await (const row of covered(store.rows(kind), lastOfEach(store.recordedIn(kind, upTo)), kind)) {
      const text = textOf[kind](row)
      if (createHash('sha256').update(text).digest('base64url') !== row.hash) await noteBroken(audit, kind, row._id)
      count()
      yield `["${row.hash}",${text}]\n`
    }
  }

  async function* headLines(upTo: number): AsyncGenerator<string> {
    for await (const { seq, id, hash } of store.recordedUpTo(upTo)) yield `[${seq},"${id}","${hash}"]\n`
  }

  async function* checkpointLines(upTo: number, seen: (hash: string) => void): AsyncGenerator<string> {
    for await (const row of store.all()) {
      if (row._id > upTo) return
      seen(checkpointHash(row))
      yield `"${row.jws}"\n`
    }
  }

  return async function exportTo(folder: string): Promise<Exported> {
    // One that another process is at began before now.
    while (!(await checkpoints.make('now'))) await pause(1_000)
    const upTo = (await store.last())?._id ?? 0
    await mkdir(folder, { recursive: true })
    let records = 0
    let checkpoint = ''
    const file = (name: string, lines: AsyncGenerator<string>) => pipeline(Readable.from(lines), createWriteStream(join(folder, name), { mode: 0o600 }))
    for (const kind of ['ledger', 'audit'] as const)
      await file(
        `${kind}.ndjson`,
        linesOf(kind, upTo, () => records++),
      )
    await file('heads.ndjson', headLines(upTo))
    await file(
      'checkpoints.ndjson',
      checkpointLines(upTo, (hash) => (checkpoint = hash)),
    )
    await writeFile(join(folder, 'keys.json'), `${JSON.stringify({ keys: await store.published() }, null, 2)}\n`)
    await writeFile(join(folder, 'export.jwt'), await sign({ iat: Math.floor(now() / 1000), records, newest: checkpoint }, 'entente-export+jwt'))
    await audit.note({ type: 'audit.exported', client: null, actor: 'system', detail: { records, checkpoint } })
    return { records, checkpoint }
  }
}

const chainOf = (id: string): string => id.slice(0, id.lastIndexOf('/'))

async function* lastOfEach(heads: AsyncIterable<RecordedHead>): AsyncGenerator<RecordedHead> {
  let last: RecordedHead | null = null
  for await (const head of heads) {
    if (last !== null && chainOf(last.id) !== chainOf(head.id)) yield last
    last = head
  }
  if (last !== null) yield last
}

/** Both in the order of their ids: the rows up to the head of their chain. */
async function* covered<Row extends { readonly _id: string }>(
  rows: AsyncIterable<Row>,
  heads: AsyncGenerator<RecordedHead>,
  kind: Chained,
): AsyncGenerator<Row> {
  let head = await heads.next()
  for await (const row of rows) {
    const id = `${kind}/${row._id}`
    while (head.done !== true && chainOf(head.value.id) < chainOf(id)) head = await heads.next()
    if (head.done !== true && chainOf(head.value.id) === chainOf(id) && id <= head.value.id) yield row
  }
}
