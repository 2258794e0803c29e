import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const version = '26.3.5'
const archive = `keycloak-quarkus-dist-${version}.tar.gz`
const sha256 = '3b662719e20cd87e7dbb913a85870efba49652852a08b4821cb78f24a3288918'

/** A folder with Keycloak, built for production as its guide says, or why there is none in a sentence. */
export async function findKeycloak(): Promise<{ readonly home: string } | { readonly why: string }> {
  if (!(await answers('java', ['-version']))) return { why: 'Keycloak runs on Java 17 or later, and there is no java here.' }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'entente')
  const home = join(cache, `keycloak-${version}`)
  if (existsSync(join(home, 'built'))) return { home: join(home, 'built') }
  if (!(await answers('mvn', ['-version']))) return { why: 'Keycloak comes by Maven, and there is no mvn here.' }
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'download-'))
  try {
    console.log(`Downloading Keycloak ${version} (150 MB, once) …`)
    const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:tar.gz`
    if (!(await answers('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${work}`])))
      return { why: 'Keycloak could not be downloaded with mvn.' }
    if ((await digestOf(join(work, archive))) !== sha256) return { why: 'The download is not the pinned Keycloak, so it was thrown away.' }
    await run('tar', ['xzf', join(work, archive), '-C', work])
    const unpacked = join(work, `keycloak-${version}`)
    await run(join(unpacked, 'bin/kc.sh'), ['build', '--db=dev-file'], { timeout: 600_000 })
    await mkdir(home, { recursive: true })
    await rename(unpacked, join(home, 'built'))
    return { home: join(home, 'built') }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const answers = (program: string, args: readonly string[]): Promise<boolean> =>
  run(program, [...args], { timeout: 600_000 }).then(
    () => true,
    () => false,
  )

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
