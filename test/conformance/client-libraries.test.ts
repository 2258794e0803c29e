import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pythonPackages } from '../../scripts/setup/python-packages.mjs'
import { Browser } from '../support/browser.ts'
import { openRelyingParty, signInAt, type RelyingParty } from './relying-party.ts'

let rp: RelyingParty
beforeAll(async () => {
  rp = await openRelyingParty('query')
})
afterAll(() => rp[Symbol.asyncDispose]())

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** The program is a shop: it says where the browser is to go, is told where that came back to, and says whom it has met. */
async function signInThrough(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const heard = async (): Promise<Readonly<Record<string, unknown>>> => {
    const { value, done } = await said.next()
    if (done === true) throw new Error(`${program} ended before it had said everything`)
    return JSON.parse(value)
  }
  try {
    const { id: clientId, secret: clientSecret, redirectUri } = rp.client
    const registration = { issuer: rp.metadata.issuer, clientId, clientSecret, redirectUri, scope: 'openid offline_access purpose:order_processing' }
    child.stdin.write(`${JSON.stringify(registration)}\n`)
    const browser = new Browser(['https://'])
    const page = await signInAt(browser, await browser.open(String((await heard())['url'])))
    child.stdin.write(`${page.url}\n`)
    const met = await heard()
    expect(met).toMatchObject({ subject: expect.any(String), refreshed: true, userinfo: { sub: met['subject'], email: 'anna.demo@gmail.com' } })
  } finally {
    child.kill()
  }
}

test('openid-client signs in unchanged', () => signInThrough(process.execPath, [beside('openid-client-login.mjs')]))

test('Authlib signs in unchanged', { timeout: 180_000 }, async ({ skip }) => {
  const packages = await pythonPackages(beside('requirements.txt'))
  if (packages === undefined) return skip('Authlib could not be installed: there is no Python 3 with pip here, or no package index in reach')
  // Authlib wants https; a house on this machine has none.
  await signInThrough('python3', [beside('authlib_login.py')], { PYTHONPATH: packages, AUTHLIB_INSECURE_TRANSPORT: '1' })
})
