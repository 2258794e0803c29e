#!/usr/bin/env node
// Checks offline, with Node (22 or newer) and the published keys alone, what Entente has exported or signed:
//   node entente-verify.mjs DIR | FILE.jwt  [--keys keys.json]  [--expect=HASH of a checkpoint that you know]
import { createPublicKey, hash, verify } from 'node:crypto'
import { openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keys: { type: 'string' }, expect: { type: 'string' } } })
const [given = '.'] = positionals
const folder = statSync(given).isDirectory() ? given : dirname(given)
const files = folder === given ? readdirSync(folder) : [basename(given)]
const keys = new Map(JSON.parse(readFileSync(values.keys ?? join(folder, 'keys.json'), 'utf8')).keys.map((jwk) => [jwk.kid, jwk]))
const [problems, wrong] = [[], (where, what) => void problems.push(`${where}: ${what}`)]

/** Calls `check` with each line, a character for each byte, where it stands, and where its bytes are. */
function eachLine(name, check) {
  const [file, chunk] = [openSync(join(folder, name)), Buffer.allocUnsafe(1 << 18)]
  let [rest, where, number] = [Buffer.alloc(0), name, 0]
  for (let length; (length = readSync(file, chunk)) > 0; ) {
    const bytes = Buffer.concat([rest, chunk.subarray(0, length)])
    let [start, text] = [0, bytes.latin1Slice()]
    for (let end; (end = text.indexOf('\n', start)) >= 0; start = end + 1) {
      where = `${name}:${++number}`
      try { check(text.slice(start, end), where, bytes, start) } catch { wrong(where, 'cannot be read') }
    }
    rest = bytes.subarray(start)
  }
  if (rest.length > 0) wrong(where, 'the line after it does not end')
}

/** The claims of a JWS (RS256); null when none of the keys signed it. */
function claimsOf(jws, where, type) {
  const [head, body, signature] = jws.split('.')
  const [{ alg, kid, typ }, bytes] = [JSON.parse(Buffer.from(head, 'base64url')), Buffer.from(signature, 'base64url')]
  const isExact = `${head}.${body}.${bytes.toString('base64url')}` === jws && alg === 'RS256' && (type ?? typ) === typ
  const isSigned = isExact && verify('RSA-SHA256', Buffer.from(`${head}.${body}`), createPublicKey({ key: keys.get(kid), format: 'jwk' }), bytes)
  return isSigned ? JSON.parse(Buffer.from(body, 'base64url')) : (wrong(where, 'is not signed with any of the keys'), null)
}

/** The root of a Merkle tree (RFC 6962, 2.1). */
function rootOf(leaves) {
  const [stack, pair] = [[], Buffer.alloc(65, 1)]
  const join = (left, right) => (left.copy(pair, 1), right.copy(pair, 33), hash('sha256', pair, 'buffer'))
  for (const [at, leaf] of leaves.entries()) {
    let node = hash('sha256', `\0${leaf}`, 'buffer')
    for (let full = at; full % 2 === 1; full = (full - 1) / 2) node = join(stack.pop(), node)
    stack.push(node)
  }
  return (stack.length === 0 ? hash('sha256', '', 'buffer') : stack.reduceRight((right, left) => join(left, right))).toString('base64url')
}

/** Each checkpoint follows the one before and is right about the heads that moved since; the newest is right about all heads. */
function checkCheckpoints() {
  let [moved, heads, latest, hashes, newest] = [[], { ledger: new Map(), audit: new Map() }, new Map(), []]
  eachLine('heads.ndjson', (line, where) => {
    const [seq, id, head] = JSON.parse(line)
    if (`[${seq},"${id}","${head}"]` !== line || seq < moved.length - 1) wrong(where, 'is not as it was written')
    ;(moved[seq] ??= []).push(`${id} ${head}`)
    heads[id.slice(0, id.indexOf('/'))].set(id.slice(id.indexOf('/') + 1), head)
    latest.set(id.slice(0, -11), `${id} ${head}`)
  })
  eachLine('checkpoints.ndjson', (line, where) => {
    newest = claimsOf(JSON.parse(line), where, 'entente-checkpoint+jwt')
    if (newest.seq !== hashes.length + 1 || newest.prev !== (hashes.at(-1) ?? '')) wrong(where, `checkpoint ${newest.seq} does not follow the line before`)
    if (rootOf(moved[newest.seq] ?? []) !== newest.moved.root) wrong(where, `checkpoint ${newest.seq} names other heads than heads.ndjson`)
    hashes.push(hash('sha256', JSON.parse(line), 'base64url'))
  })
  if (newest?.heads.root !== rootOf([...latest.values()].sort())) wrong('heads.ndjson', 'all heads are not those of the newest checkpoint')
  if (signed.get('export.jwt')?.newest !== hashes.at(-1)) wrong('checkpoints.ndjson', 'does not end with the checkpoint that export.jwt names')
  if (values.expect !== undefined && !hashes.includes(values.expect)) wrong('checkpoints.ndjson', 'the expected checkpoint is not there')
  return { heads, latest, newest: hashes.at(-1), records: 0 }
}

/** Each record's line holds the very bytes that were hashed; it follows the one before in its chain, and each chain ends where the newest checkpoint says. */
function checkChains(kind, seen) {
  let [chain, last, before, number, heads] = ['', '', '', 0, seen.heads[kind]]
  const end = () => last !== '' && seen.latest.get(`${kind}/${chain}`) !== `${kind}/${last} ${before}` && wrong(`${kind}.ndjson`, `${kind}/${last} is not where its chain ended`)
  eachLine(`${kind}.ndjson`, (line, where, bytes, start) => {
    const is = line.slice(2, 45), id = line.slice(49, line.indexOf('"', 49)), seq = Number(id.slice(-10)), follows = last, head = heads.get(id)
    if (!id.startsWith(chain) || id.length !== chain.length + 11 || last === '') end(), ([chain, before, number] = [id.slice(0, -11), '', 0])
    const isNext = id > last && seq === number + 1 && line.startsWith(`","${before}",`, id.length + 49)
    const isWhole = line.startsWith('["') && line.startsWith('",["', 45) && line.endsWith(']') && hash('sha256', bytes.subarray(start + 47, start + line.length - 1), 'base64url') === is
    if (!isWhole || !isNext) wrong(where, `${kind}/${id} ${isWhole ? `does not follow ${follows}` : 'does not say what was hashed'}`)
    if (head !== undefined && heads.delete(id) && head !== is) wrong(where, `${kind}/${id} is another one than a checkpoint saw`)
    last = id, before = is, number = seq, seen.records++
  })
  for (const id of (end(), heads.keys())) wrong(`${kind}.ndjson`, `${kind}/${id} is missing`)
}
const signed = new Map(files.filter((name) => name.endsWith('.jwt')).map((name) => [name, claimsOf(readFileSync(join(folder, name), 'utf8').trim(), name)]))
for (const [name, claims] of signed) for (const [file, digest] of Object.entries(claims?.files ?? {}))
  if (hash('sha256', readFileSync(join(folder, file)), 'base64url') !== digest) wrong(file, `is not what ${name} was made for`)
if (files.includes('checkpoints.ndjson')) {
  const seen = checkCheckpoints()
  checkChains('ledger', seen), checkChains('audit', seen)
  console.log(`${seen.records} records; newest checkpoint ${seen.newest}`)
}
console.log(problems.length === 0 ? 'All is as it was written.' : `${problems.length} problems:\n${problems.slice(0, 50).join('\n')}`)
process.exitCode = problems.length === 0 ? 0 : 1
