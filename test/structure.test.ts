import { execFile } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const execute = promisify(execFile)

/** Runs a locked tool; what it prints is returned whether it is content or not. */
async function run(tool: string, ...args: string[]): Promise<{ code: number; out: string }> {
  try {
    const { stdout } = await execute(`node_modules/.bin/${tool}`, args, { maxBuffer: 1 << 26 })
    return { code: 0, out: stdout }
  } catch (error) {
    const { code, stdout } = error as { code?: number; stdout?: string }
    return { code: code ?? 1, out: stdout ?? String(error) }
  }
}

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '')

const { stdout } = await execute('git', ['ls-files', '--cached', '--others', '--exclude-standard'])
const files = stdout.trim().split('\n')
const sources = files.filter((file) => /^src\/.*\.ts$/.test(file))

test('imports point one way, without cycles', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'cruise-')), 'cruised.json')
  // Into a file: what it prints at once is cut off where a pipe is full.
  await run('depcruise', '--config', '.dependency-cruiser.mjs', '--output-type', 'json', '--output-to', file, 'src')
  const { summary } = JSON.parse(await readFile(file, 'utf8')) as {
    summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] }
  }
  // The tool passes when it reads nothing at all, so the number of files it read is part of the rule.
  expect(summary.totalCruised).toBeGreaterThan(sources.length)
  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([])
}, 60_000)

test('types hold', async () => {
  // Checkers side by side look at the same types again; the cores are busy with other tests.
  expect(await run('tsc', '--noEmit', '--singleThreaded', '-p', 'tsconfig.json')).toEqual({ code: 0, out: '' })
}, 120_000)

test('the linter finds nothing', async () => {
  const { code, out } = await run('oxlint', '--type-aware', '-f', 'unix', 'src', 'demo', 'bench', 'test')
  expect(code === 0 ? '' : out).toBe('')
}, 120_000)

test('nothing is left over: no file, export or dependency that nobody uses', async () => {
  const { code, out } = await run('knip', '--no-progress', '--no-config-hints')
  expect(code === 0 ? '' : out).toBe('')
}, 60_000)

test('files can be read in one sitting', async () => {
  const lines = await Promise.all(sources.map(async (file) => ({ file, lines: (await readFile(file, 'utf8')).split('\n').length })))
  expect(lines.filter((one) => one.lines > 400)).toEqual([])
  const sorted = lines.map((one) => one.lines).sort((a, b) => a - b)
  expect(sorted[Math.floor(sorted.length * 0.5)]).toBeLessThanOrEqual(90)
  expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThanOrEqual(200)
})

test('no file is named for nothing, and none says any', async () => {
  expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc|types|manager|service)(\/|\.ts$)/.test(file))).toEqual([])
  const saying = await Promise.all(
    sources.map(async (file) => (/(: any\b(?!\()|as any\b|<any>)/.test(withoutComments(await readFile(file, 'utf8'))) ? [file] : [])),
  )
  expect(saying.flat()).toEqual([])
})
