import { readFileSync } from 'node:fs'

/** The rows of the first table of a Markdown page: cells by column name. */
export function rowsOf(file: string): Record<string, string>[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  const start = lines.findIndex((line, at) => line.startsWith('|') && /^\|[\s|:-]+\|$/.test(lines[at + 1] ?? ''))
  if (start === -1) throw new Error(`no table in ${file}`)
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  const names = cells(lines[start] ?? '')
  const rows: Record<string, string>[] = []
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break
    rows.push(Object.fromEntries(cells(line).map((cell, at) => [names[at] ?? '', cell])))
  }
  return rows
}
