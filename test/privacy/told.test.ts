import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { expect, onTestFinished, test, vi } from 'vitest'
import { erase } from '../support/erasing.ts'
import { merging } from '../support/merging.ts'
import { startShop } from '../support/shop.ts'

test('Art. 19: a client that wants to know hears that no consent of the erased person stands, and nothing else', async () => {
  const told: string[] = []
  const hook = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      told.push(Buffer.concat(chunks).toString())
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void hook.close())
  const address = hook.address()
  const CLIENTS_FILE = join(await mkdtemp(join(tmpdir(), 'clients-')), 'clients.yaml')
  const hookUri = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/consent`
  await writeFile(CLIENTS_FILE, (await readFile('demo/clients.yaml', 'utf8')).replace(/(  - id: marketing\n)/, `$1    webhookUri: ${hookUri}\n`))
  await using shop = await startShop({ env: { CLIENTS_FILE } })
  const person = merging(shop)
  const { accessToken } = await person.account('google', 'person-1')
  await person.yes(accessToken, 'email_marketing', 'personalised_shop')
  expect((await shop.graphql(erase, { confirm: true }, accessToken)).errors).toBeUndefined()
  await vi.waitFor(() => expect(told).toHaveLength(2), { timeout: 10_000, interval: 50 })
  const [granted, ended] = told.map((jwt) => decodeJwt(jwt))
  expect(granted).toMatchObject({ consents: [{ purpose: 'email_marketing', state: 'GRANTED' }] })
  expect(ended).toMatchObject({ sub: granted?.sub, consents: [{ purpose: 'email_marketing', state: 'NOT_ASKED' }] })
  expect(JSON.stringify(ended)).not.toMatch(/person|example/)
})
