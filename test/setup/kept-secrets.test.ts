import { chmod, mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { keptSecret } from '../../scripts/run/kept-secrets.mjs'

test('F38 the secret is its owner’s to read; one that others could read is mended, and that is said', async () => {
  const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const folder = await mkdtemp(join(tmpdir(), 'kept-secrets-'))
  const file = join(folder, 'secret')
  const mode = async () => (await stat(file)).mode & 0o777
  const secret = keptSecret(folder)
  expect([secret.length, await mode(), said.mock.calls]).toEqual([43, 0o600, []])
  await chmod(file, 0o644)
  expect(keptSecret(folder)).toBe(secret)
  expect(await mode()).toBe(0o600)
  expect(said.mock.calls).toEqual([[expect.stringContaining('could be read by others')]])
  said.mockRestore()
})
