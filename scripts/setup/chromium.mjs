import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.mjs'
import { cacheFolder, node24, root } from './places.mjs'

// It brings its own libraries and fonts, so pages look the same on every machine and none has to be installed.
const launcher = `#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/al2023/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" FONTCONFIG_PATH="$here/fonts"
exec "$here/chromium" "$@"
`

const fontsConfiguration = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
`

/** Unpacks the Chromium of the npm package @sparticuz/chromium once; answers the path of its launcher. */
export async function chromiumFromPackage(say) {
  const manifest = join(root, 'node_modules/@sparticuz/chromium/package.json')
  if (!existsSync(manifest) || process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const { version } = JSON.parse(await readFile(manifest, 'utf8'))
  const kept = join(cacheFolder(), `chromium-${version}`)
  if (existsSync(join(kept, 'launch'))) return join(kept, 'launch')
  say('Unpacking Chromium for the browser tests (once) …')
  const work = await mkdtemp(join(cacheFolder(), 'chromium-'))
  // The package unpacks into the folder for temporary files; its libraries come along only where it believes to be on AWS Lambda.
  const env = { TMPDIR: work, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' }
  const script = `import chromium from '@sparticuz/chromium'; await chromium.executablePath()`
  const { ok } = await command(node24, ['--input-type=module', '--eval', script], { cwd: root, env, seconds: 120 })
  if (ok) {
    await writeFile(join(work, 'fonts/fonts.conf'), fontsConfiguration)
    await writeFile(join(work, 'launch'), launcher, { mode: 0o755 })
    await rename(work, kept).catch(() => {}) // another run was first: its copy is as good
  }
  await rm(work, { recursive: true, force: true })
  return existsSync(join(kept, 'launch')) ? join(kept, 'launch') : undefined
}
