import { expect, test } from 'vitest'
import type { LoginFunnel, LoginFunnelCell } from '../../src/audit/funnel-resolver.ts'
import { funnelWords } from '../../src/pages/funnel-words.ts'
import { funnelPage, funnelSection } from '../../src/pages/operator-funnel.ts'
import { languages } from '../../src/pages/words.ts'
import { examine, openChromium } from './chromium.ts'

const cell = (step: LoginFunnelCell['step'], count: number, more: Partial<LoginFunnelCell> = {}): LoginFunnelCell => ({
  clientId: 'storefront',
  provider: 'google',
  device: 'phone',
  variant: 'a',
  step,
  outcome: null,
  count,
  ...more,
})
const funnel: LoginFunnel = {
  from: new Date('2026-05-01T00:00:00Z'),
  to: new Date('2026-06-01T00:00:00Z'),
  k: 10,
  cells: [
    cell('shown', 900, { provider: null }),
    cell('started', 800),
    cell('finished', 700),
    cell('started', 300, { provider: 'apple' }),
    cell('finished', 100, { provider: 'apple' }),
    cell('failed', 20, { outcome: 'PROVIDER_UNAVAILABLE' }),
    cell('consent', 500, { outcome: 'given' }),
    cell('took', 600, { outcome: 'under 30 s' }),
  ],
  variants: [
    { id: 'a', shown: 500, arrived: 350, rate: 0.7 },
    { id: 'b', shown: 500, arrived: 400, rate: 0.8 },
  ],
  comparison: { chiSquared: 13.33, p: 0.0003, better: 'b' },
  findings: [{ dimension: 'provider', value: 'apple', started: 300, finished: 100, others: 0.875, lost: 163, p: 0, mostly: 'notBack' }],
}

test('the plots have a title, a sentence and a table beside them, in both languages, and need no script', { timeout: 60_000 }, async () => {
  const chromium = await openChromium()
  try {
    for (const language of languages) {
      const page = await (await chromium.createBrowserContext()).newPage()
      await page.setViewport({ width: 360, height: 740 })
      await page.goto(`data:text/html;charset=utf-8,${encodeURIComponent(funnelPage(language, 'Demo <Stores>', funnel))}`)
      expect(await page.$$eval('svg[role=img]', (all) => all.map((one) => one.querySelectorAll('title, desc').length))).toEqual([2, 2, 2])
      expect(await page.$$eval('table', (all) => all.length)).toBe(6)
      expect((await examine(page)).serious).toEqual([])
    }
  } finally {
    await chromium.close()
  }
})

test('it says what is known and what is not', () => {
  const told = funnelSection(funnelWords.en, funnel).text
  expect(told).toContain('b is better beyond chance (chi-squared 13.33, p = 0.000).')
  expect(told).toContain('Way in apple: 33 % finish, of the others 88 %. At their rate, 163 more would have. Most of the rest: did not come back.')
  expect(funnelSection(funnelWords.en, { ...funnel, cells: [] }).text).toContain('Nothing in this period is as large as a group.')
  expect(funnelSection(funnelWords.de, { ...funnel, comparison: { chiSquared: 1, p: 0.3, better: null } }).text).toContain('ist nicht bekannt')
  expect(funnelPage('en', 'Demo <Stores>', funnel)).toContain('Demo &lt;Stores&gt;')
})
