import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import sparticuz from '@sparticuz/chromium'
import { launch, type Browser } from 'puppeteer-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

async function onPath(): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const file = join(folder, name)
      if (await access(file).then(() => true, () => false)) return file
    }
  }
  return null
}

/** A real browser: the one on the PATH, else the one that the npm package carries. */
export async function openChromium(): Promise<Browser> {
  const installed = await onPath()
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb']
  if (installed !== null) return launch({ executablePath: installed, args, headless: true })
  // Its own arguments are for one short page in a small container: in a single process, a second context takes everything down.
  return launch({ executablePath: await sparticuz.executablePath(), args, headless: 'shell' })
}
