import { fromBuffer, type Entry, type ZipFile } from 'yauzl'

/** The files of a ZIP by name, as another program reads them. */
export function unzipped(zip: Buffer): Promise<ReadonlyMap<string, string>> {
  return new Promise((resolve, reject) => {
    fromBuffer(zip, { lazyEntries: true }, (error, archive) => (error ? reject(error) : read(archive, resolve, reject)))
  })
}

function read(archive: ZipFile, resolve: (files: ReadonlyMap<string, string>) => void, reject: (error: Error) => void): void {
  const files = new Map<string, string>()
  archive.on('error', reject)
  archive.on('end', () => resolve(files))
  archive.on('entry', (entry: Entry) => {
    archive.openReadStream(entry, (error, stream) => {
      if (error) return reject(error)
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('error', reject)
      stream.on('end', () => {
        files.set(entry.fileName, Buffer.concat(parts).toString())
        archive.readEntry()
      })
    })
  })
  archive.readEntry()
}
