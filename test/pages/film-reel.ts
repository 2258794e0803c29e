import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { Page } from 'puppeteer-core'
import { expect } from 'vitest'

interface Frame {
  readonly name: string
  readonly caption: string
}

const folder = new URL('../../docs/film/', import.meta.url)
const text = new URL('../../docs/film.md', import.meta.url)
/** Of one picture, bytes. */
const largest = 60_000

/** With ENTENTE_FILM=1 the pictures in docs/film are taken anew; otherwise they are only compared with the story, one by one. */
const isFilmed = process.env['ENTENTE_FILM'] === '1'

/** The story's pictures in order, each with what is to be said of it. */
export function filmReel(title: string, opening: string) {
  const frames: Frame[] = []
  return {
    /** What the browser shows now, from this element on. */
    async frame(page: Page, name: string, caption: string, from = 'body'): Promise<void> {
      const numbered = `${String(frames.length + 1).padStart(2, '0')}-${name}`
      frames.push({ name: numbered, caption })
      if (!isFilmed) return
      if (frames.length === 1) {
        await rm(folder, { recursive: true, force: true })
        await mkdir(folder, { recursive: true })
      }
      await page.$eval(from, (element) => element.scrollIntoView())
      await writeFile(new URL(`${numbered}.png`, folder), await page.screenshot({ type: 'png', optimizeForSpeed: false }))
    },

    /** Every picture is there, small, and told of in docs/film.md. */
    async end(): Promise<void> {
      const told = frames.map(({ name, caption }, at) => `## ${at + 1}\n\n${caption}\n\n<img src="film/${name}.png" width="300" alt="">\n`)
      const script = `# ${title}\n\n${opening}\n\n${told.join('\n')}`
      if (isFilmed) await writeFile(text, script)
      expect(await readFile(text, 'utf8')).toBe(script)
      for (const { name } of frames) expect((await stat(new URL(`${name}.png`, folder))).size, name).toBeLessThan(largest)
    },
  }
}
