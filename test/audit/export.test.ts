import fc from 'fast-check'
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRecords } from './records.ts'

const verifier = 'verify/entente-verify.mjs'
const stack = new AsyncDisposableStack()
let records: Awaited<ReturnType<typeof openRecords>>
let folder: string

/** What the verifier says, in a process of its own as an outsider runs it. */
async function verified(...args: string[]): Promise<{ readonly code: number; readonly said: string; readonly complaints: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [verifier, ...args])
    return { code: 0, said: stdout, complaints: '' }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, said: stdout, complaints: stdout + stderr }
  }
}

async function newFolder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'entente-export-'))
  stack.defer(() => rm(made, { recursive: true, force: true }))
  return made
}

beforeAll(async () => {
  records = stack.use(await openRecords())
  folder = await newFolder()
  const customers = await Promise.all(Array.from({ length: 12 }, () => records.newCustomer()))
  for (const round of [0, 1, 2]) {
    for (const [at, customer] of customers.entries()) if (at % 3 >= round) await records.decide(customer)
    await records.audit.note({ type: 'data.read', client: 'marketing', actor: 'client', subjects: customers.slice(0, 5), purposes: ['email_marketing'] })
    records.later(3_600_000)
    if (!(await records.checkpoints.make('when due'))) throw new Error('no checkpoint was due')
  }
  await records.exportTo(folder)
})
afterAll(() => stack.disposeAsync())

describe('an export', () => {
  test('is found whole by the standalone verifier', async () => {
    expect(await verified(folder)).toMatchObject({ code: 0, complaints: '' })
    const { said } = await verified(folder)
    expect(said).toContain('All is as it was written.')
    expect(said).toContain('51 records')
  })

  test('has what somebody kept of an earlier one', async () => {
    const [first = ''] = (await readFile(join(folder, 'checkpoints.ndjson'), 'utf8')).split('\n')
    expect((await verified(folder, `--expect=${hash('sha256', JSON.parse(first) as string, 'base64url')}`)).code).toBe(0)
    expect((await verified(folder, '--expect=another')).complaints).toContain('the expected checkpoint is not there')
  })

  test('needs nothing of this project, and can be read in one sitting', async () => {
    const text = await readFile(verifier, 'utf8')
    expect(text.split('\n').length - 1).toBeLessThanOrEqual(100)
    expect([...text.matchAll(/from '([^']+)'/g)].every(([, from]) => from?.startsWith('node:'))).toBe(true)
  })
})

type Mutation = { readonly what: 'flip' | 'drop' | 'swap' | 'repeat' | 'insert'; readonly file: string; readonly at: number; readonly bit: number }

const mutation: fc.Arbitrary<Mutation> = fc.record({
  what: fc.constantFrom('flip', 'drop', 'swap', 'repeat', 'insert'),
  file: fc.constantFrom('ledger.ndjson', 'audit.ndjson', 'heads.ndjson', 'checkpoints.ndjson'),
  at: fc.nat(1_000_000),
  bit: fc.nat(7),
})

/** The file with one wrong in it, and the lines near which it is. */
function mutated(bytes: Buffer, { what, at, bit }: Mutation): Buffer {
  if (what === 'flip') {
    const copy = Buffer.from(bytes)
    copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << bit)
    return copy
  }
  const lines = bytes.toString().trimEnd().split('\n')
  const place = at % lines.length
  const line = lines[place] ?? ''
  const next = (place + 1) % lines.length
  if (what === 'drop') lines.splice(place, 1)
  if (what === 'swap') [lines[place], lines[next]] = [lines[next] ?? '', line]
  if (what === 'repeat') lines.splice(at % 7 === 0 ? 0 : place, 0, line)
  if (what === 'insert')
    lines.splice(
      place,
      0,
      line.replace(/[A-Za-z](?=[^A-Za-z]*$)/, (letter) => (letter === 'A' ? 'B' : 'A')),
    )
  return Buffer.from(`${lines.join('\n')}\n`)
}

describe('F35 an export', () => {
  test('with one flipped bit, or one record dropped, swapped, repeated or inserted, is not found whole, and the file is named', async () => {
    const damaged = await newFolder()
    await cp(folder, damaged, { recursive: true })
    await fc.assert(
      fc.asyncProperty(mutation, async (made) => {
        const bytes = await readFile(join(folder, made.file))
        const other = mutated(bytes, made)
        fc.pre(!other.equals(bytes))
        await writeFile(join(damaged, made.file), other)
        const { code, complaints } = await verified(damaged)
        await writeFile(join(damaged, made.file), bytes)
        expect([code, complaints]).toEqual([1, expect.stringContaining(made.file)])
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  test('names the very record that was changed', async () => {
    const damaged = await newFolder()
    await cp(folder, damaged, { recursive: true })
    const lines = (await readFile(join(folder, 'ledger.ndjson'), 'utf8')).split('\n')
    const line = lines[9] ?? ''
    const [, [id]] = JSON.parse(line) as [string, [string]]
    lines[9] = line.replace('"granted"', '"refused"')
    await writeFile(join(damaged, 'ledger.ndjson'), lines.join('\n'))
    expect((await verified(damaged)).complaints).toContain(`ledger.ndjson:10: ledger/${id} does not say what was hashed`)
  })
})
