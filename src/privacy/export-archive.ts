import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'

/** One file of an archive. Its text comes in pieces, so that a long history is never held whole. */
export interface ExportFile {
  readonly name: string
  readonly text: () => AsyncIterable<string> | Iterable<string>
}

/**
 * The files as a ZIP, made while it is read and no faster. A manifest with the SHA-256 of each comes last. `step` is awaited before each
 * piece; what it or a file throws ends the archive.
 */
export async function* archiveOf(files: readonly ExportFile[], at: Date, step: () => Promise<void>): AsyncGenerator<Buffer> {
  const zip = new ZipFile()
  const out = zip.outputStream
  if (!(out instanceof Readable)) throw new TypeError('the archive cannot be read')
  const sums: { name: string; bytes: number; sha256: string }[] = []
  const manifest = { name: 'manifest.json', text: () => [json({ madeAt: at, files: sums })] }
  for (const file of [...files, manifest]) {
    zip.addReadStreamLazy(file.name, { mtime: at }, (give) => {
      const pieces = Readable.from(summed(file, step, (sum) => sums.push({ name: file.name, ...sum })))
      pieces.on('error', (error) => out.destroy(error))
      give(null, pieces)
    })
  }
  zip.end()
  for await (const bytes of out) yield Buffer.from(bytes)
}

async function* summed(file: ExportFile, step: () => Promise<void>, done: (sum: { bytes: number; sha256: string }) => void): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of file.text()) {
    await step()
    const encoded = Buffer.from(piece)
    hash.update(encoded)
    bytes += encoded.length
    yield encoded
  }
  done({ bytes, sha256: hash.digest('hex') })
}

/** For readers and programs alike. */
export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const chunkBytes = 256 * 1024

/** The same bytes in equal parts; only the last one is shorter, and says that it is the last. */
export async function* inChunks(source: AsyncIterable<Buffer>): AsyncGenerator<{ readonly plain: Buffer; readonly isLast: boolean }> {
  let waiting: Buffer[] = []
  let length = 0
  for await (const bytes of source) {
    waiting.push(bytes)
    length += bytes.length
    // One byte more, so that there is something left to be the last.
    while (length > chunkBytes) {
      const all = Buffer.concat(waiting)
      yield { plain: all.subarray(0, chunkBytes), isLast: false }
      waiting = [all.subarray(chunkBytes)]
      length -= chunkBytes
    }
  }
  yield { plain: Buffer.concat(waiting), isLast: true }
}
