import { accessSync, constants, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository, without a slash at its end. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** The locked Node, an npm package. */
export const node24 = join(root, 'node_modules/node/bin/node')

/** A folder for downloads: shared by all clones of this user, or inside the repository where there is no such folder. */
export function cacheFolder() {
  const shared = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'entente')
  try {
    mkdirSync(shared, { recursive: true, mode: 0o700 })
    accessSync(shared, constants.W_OK)
    return shared
  } catch {
    const own = join(root, '.cache')
    mkdirSync(own, { recursive: true })
    return own
  }
}

/** PATH without the folders that npm puts in front of it: the programs of the machine, not those of the packages. */
export function machinePath() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.replaceAll('\\', '/').includes('node_modules/'))
    .join(delimiter)
}

/** The first of these programs that PATH has, as an absolute path. */
export function onPath(...names) {
  for (const name of names) {
    for (const folder of machinePath().split(delimiter).filter(Boolean)) {
      const candidate = join(folder, name)
      try {
        accessSync(candidate, constants.X_OK)
        return candidate
      } catch {
        continue
      }
    }
  }
  return undefined
}
