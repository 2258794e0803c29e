import type { Connection } from 'mongoose'
import { z } from 'zod'
import type { JobQueue } from '../jobs/queue.ts'
import type { LongJobHandler } from '../jobs/worker.ts'
import type { Post } from '../mail/post.ts'
import type { CustomerStore } from '../storage/customers.ts'
import type { ExportRow, ExportStore } from '../storage/exports.ts'
import { inTransaction } from '../storage/transaction.ts'
import { archiveOf, inChunks } from './export-archive.ts'
import { filesFor, type ExportFileParts } from './export-files.ts'
import { isVoid } from './export-state.ts'

export interface ExportWorkParts extends ExportFileParts {
  readonly db: Connection
  readonly customers: Pick<CustomerStore, 'read'>
  readonly exports: ExportStore
  readonly jobs: Pick<JobQueue, 'wake'>
  readonly post: Pick<Post, 'toCustomer'>
  /** Milliseconds that an archive can be fetched. */
  readonly keep: number
  readonly now: () => number
}

const payload = z.object({ id: z.string() })
const mostRuns = 6
/** Milliseconds between two words to the queue that the work goes on. */
const sayEvery = 3_000

/**
 * Builds an archive, from the beginning each time it is begun: what a run left that ended in the middle goes first. Only the run that the
 * row counts can end it, and it does so in one transaction with the letter that tells of it.
 */
export function exportWork(parts: ExportWorkParts): LongJobHandler {
  const { exports, customers } = parts
  return async (job, signal, goOn) => {
    const { id } = payload.parse(job.payload)
    if (job.attempts > mostRuns) return exports.fail(id)
    const row = await exports.begin(id, job.attempts, new Date(parts.now() + parts.keep))
    if (row === null) {
      if ((await exports.read(id))?.state === 'pending') throw new Error('a later run has it')
      return
    }
    const person = await customers.read(row.customer)
    if (person === null || isVoid(row, person, parts.now())) return exports.fail(id)
    let said = performance.now()
    const step = async (): Promise<void> => {
      signal.throwIfAborted()
      if (performance.now() - said < sayEvery) return
      await goOn()
      said = performance.now()
    }
    try {
      const at = new Date(parts.now())
      const built = await written(exports, row, archiveOf(await filesFor(parts, person, at), at, step), step)
      if (!(await ended(parts, row, built))) throw new Error('it is nobody’s any more')
    } catch (error) {
      await exports.removeChunks(row)
      throw error
    }
    parts.jobs.wake()
    await exports.removeOthers(row, new Date(parts.now()))
  }
}

async function written(exports: ExportStore, row: ExportRow, archive: AsyncIterable<Buffer>, step: () => Promise<void>) {
  let [size, chunks] = [0, 0]
  for await (const { plain, isLast } of inChunks(archive)) {
    await step()
    await exports.putChunk(row, chunks, plain, isLast)
    size += plain.length
    chunks++
  }
  return { size, chunks }
}

/** False when the person signed out everywhere meanwhile, was erased or merged, or a later run has it. */
function ended(parts: ExportWorkParts, row: ExportRow, built: { readonly size: number; readonly chunks: number }): Promise<boolean> {
  const { customers, exports, post } = parts
  const readyAt = new Date(parts.now())
  return inTransaction(parts.db, row.customer, async (tx) => {
    const person = await customers.read(row.customer, tx)
    if (person === null || isVoid(row, person, readyAt.getTime())) return false
    if (!(await exports.ready(tx, row, { readyAt, ...built }))) return false
    await post.toCustomer(tx, person, { kind: 'exportReady', facts: {}, id: `exportReady:${row._id}` })
    return true
  })
}
