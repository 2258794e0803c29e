import { launch, type Browser } from 'puppeteer-core'
import { inject } from 'vitest'

/** A real browser, the one that the set-up found. */
export async function openChromium(): Promise<Browser> {
  const executablePath = inject('chromium')
  if (executablePath === '') throw new Error('There is no Chromium; the set-up said at the start what to do about it.')
  return launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'], headless: 'shell' })
}
