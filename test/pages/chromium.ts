import type { AxeResults } from 'axe-core'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { launch, type Browser, type Page } from 'puppeteer-core'
import { inject } from 'vitest'

/** A real browser, the one that the set-up found. */
export async function openChromium(): Promise<Browser> {
  const executablePath = inject('chromium')
  if (executablePath === '') throw new Error('There is no Chromium; the set-up said at the start what to do about it.')
  return launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'], headless: 'shell' })
}

/** Presses something and waits until the browser rests on a page of that path. */
export async function press(page: Page, selector: string, path: string): Promise<void> {
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (new URL(page.url()).pathname === path) resolve()
  }
  page.on('load', look)
  await page.click(selector)
  await arrived
  page.off('load', look)
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe calls serious or worse on a page, which is loaded again with scripts for that; and how many of its rules were kept. */
export async function examine(page: Page): Promise<{ readonly serious: readonly (readonly [string, string[]])[]; readonly kept: number }> {
  await page.setJavaScriptEnabled(true)
  await page.reload()
  await page.evaluate(axe)
  const found = await page.evaluate<[], () => Promise<AxeResults>>(() => Reflect.get(globalThis, 'axe').run())
  await page.setJavaScriptEnabled(false)
  const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  return { serious: serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)] as const), kept: found.passes.length }
}
