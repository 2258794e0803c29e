import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.mjs'
import { cacheFolder } from './places.mjs'

/**
 * Installs the packages of a requirements file, whose hashes are pinned, into a folder for PYTHONPATH, once for each version of Python.
 * Undefined without Python 3 and pip, or without a package index.
 */
export async function pythonPackages(requirements) {
  const { ok, output: version } = await command('python3', ['--version'])
  if (!ok) return undefined
  const name = createHash('sha256')
    .update(version)
    .update(await readFile(requirements))
    .digest('hex')
  const kept = join(cacheFolder(), `python-${name.slice(0, 16)}`)
  if (existsSync(kept)) return kept
  const work = await mkdtemp(join(cacheFolder(), 'download-'))
  try {
    const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:', '--target', work, '-r', requirements]
    if (!(await command('python3', args, { seconds: 150 })).ok) return undefined
    // Who comes second finds it there.
    await rename(work, kept).catch(() => {})
    return existsSync(kept) ? kept : undefined
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
