import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MerkleTree } from '../src/audit/merkle.ts'
import { ledgerText } from '../src/consent/ledger.ts'
import { chainId } from '../src/storage/consent-ledger.ts'
import { rowOf, type Row } from './report.ts'

const customers = 40_000
const entriesOfEach = 10
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

// What the machine does besides is not counted: the figure is for a core.
const tellCpu = 'data:text/javascript,process.on("exit",()=>console.error(process.cpuUsage().user+process.cpuUsage().system))'

/** Records for a second of processor time, the standalone verifier with its start beside the bare SHA-256 of the same bytes. */
export async function verifying(rounds: number): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'entente-bench-verify-'))
  try {
    const texts = await writeExport(folder)
    const pairs = Array.from({ length: rounds }, () => ({
      ours: texts.length / verifierSeconds(folder),
      peer: texts.length / seconds(() => texts.forEach((text) => hash('sha256', text, 'base64url'))),
    }))
    return rowOf('verify', 'records/s', pairs)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function verifierSeconds(folder: string): number {
  const { status, stderr } = spawnSync(process.execPath, ['--import', tellCpu, 'verify/entente-verify.mjs', folder], { encoding: 'utf8' })
  if (status !== 0) throw new Error('the verifier did not find the export whole')
  return Number(stderr) / 1e6
}

function seconds(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

async function writeExport(folder: string): Promise<string[]> {
  const keys = Array.from({ length: customers }, (_, n) => hash('sha256', String(n), 'base64url').slice(0, 22)).sort()
  const texts: string[] = []
  const lines: string[] = []
  const heads: string[] = []
  const tree = new MerkleTree()
  for (const key of keys) {
    let prev = ''
    for (let seq = 1; seq <= entriesOfEach; seq++) {
      const text = ledgerText(entry(chainId(key, seq), prev))
      prev = hash('sha256', text, 'base64url')
      texts.push(text)
      lines.push(`["${prev}",${text}]\n`)
    }
    const id = `ledger/${chainId(key, entriesOfEach)}`
    heads.push(`[1,"${id}","${prev}"]\n`)
    tree.add(`${id} ${prev}`)
  }
  const root = { size: tree.size, root: tree.root() }
  const checkpoint = signed({ seq: 1, prev: '', heads: root, moved: root }, 'entente-checkpoint+jwt')
  const files = {
    'ledger.ndjson': lines.join(''),
    'audit.ndjson': '',
    'heads.ndjson': heads.join(''),
    'checkpoints.ndjson': `"${checkpoint}"\n`,
    'export.jwt': signed({ newest: hash('sha256', checkpoint, 'base64url') }, 'entente-export+jwt'),
    'keys.json': JSON.stringify({ keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'bench' }] }),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return texts
}

function entry(_id: string, prev: string) {
  const decision = { purpose: 'email_marketing', state: 'granted', textVersion: '2026-01', textHash: 'a'.repeat(64), locale: 'de' } as const
  return { _id, prev, receipt: _id.slice(0, 22), decisions: [decision], surface: 'storefront', at: new Date(0) }
}

function signed(claims: object, typ: string): string {
  const [head, body] = [{ alg: 'RS256', kid: 'bench', typ }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return `${head}.${body}.${sign('RSA-SHA256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url')}`
}
