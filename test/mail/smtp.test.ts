import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher/main.ts'
import type { LeasedJob } from '../../src/jobs/queue.ts'
import { Hopeless } from '../../src/jobs/worker.ts'
import { smtpPostman } from '../../src/mail/smtp.ts'

let catcher: MailCatcher
let postman: ReturnType<typeof smtpPostman>
const from = 'Example Shops <no-reply@shop.example>'
beforeAll(async () => {
  catcher = await startMailCatcher()
  postman = smtpPostman({ url: catcher.smtpUrl, from, withoutTls: true, domain: 'id.shop.example' })
})
afterAll(async () => {
  postman.close()
  await catcher[Symbol.asyncDispose]()
})

const letter = { to: 'anna@people.example', subject: 'Ein Gruß', text: 'Grüße\n', html: '<p>Grüße</p>' }
const job = (payload: object, id = 'mail:1'): LeasedJob => ({ id, kind: 'mail', attempts: 1, payload, customer: null })
const never = new AbortController().signal

test('a letter comes as it was written, in both forms, and says that a machine wrote it', async () => {
  await postman.deliver(job(letter), never)
  const [mail] = catcher.mails('anna@people.example')
  expect(mail).toMatchObject({ from: '"Example Shops" <no-reply@shop.example>', subject: 'Ein Gruß', text: 'Grüße\n', html: '<p>Grüße</p>' })
  expect(mail?.headers).toContain('Auto-Submitted: auto-generated')
  const shown = await fetch(`${catcher.url}/mails?to=anna@people.example`)
  expect(await shown.json()).toEqual(catcher.mails('anna@people.example'))
  const list = await (await fetch(catcher.url)).text()
  expect(list).toContain('Ein Gruß')
  expect(await (await fetch(`${catcher.url}/mails/${mail?.id}`)).text()).toContain('&lt;p&gt;Grüße&lt;/p&gt;')
})

test('the same letter sent twice has the same id, another letter another', async () => {
  const to = 'twice@people.example'
  await postman.deliver(job({ ...letter, to }, 'mail:a'), never)
  await postman.deliver(job({ ...letter, to }, 'mail:a'), never)
  await postman.deliver(job({ ...letter, to }, 'mail:b'), never)
  const [one, again, other] = catcher.mails(to).map(({ headers }) => headers.find((line) => line.startsWith('Message-ID:')))
  expect(one).toMatch(/@id\.shop\.example>$/)
  expect(again).toBe(one)
  expect(other).not.toBe(one)
})

test.for([
  ['a second recipient', { to: 'a@b.example, c@d.example' }],
  ['a header in the address', { to: 'a@b.example\r\nBcc: c@d.example' }],
  ['a header in the subject', { subject: 'Hello\r\nBcc: c@d.example' }],
  ['a header by a lone line feed', { subject: 'Hello\nBcc: c@d.example' }],
  ['an attachment', { attachments: [{ path: '/etc/passwd' }] }],
  ['a file for a text', { text: { path: '/etc/passwd' } }],
  ['an address for a text', { html: { href: 'http://127.0.0.1:1/' } }],
] as const)('a letter with %s is not sent', async ([, change]) => {
  const before = catcher.mails().length
  await expect(postman.deliver(job({ ...letter, ...change }), never)).rejects.toBeInstanceOf(Hopeless)
  expect(catcher.mails()).toHaveLength(before)
})

test('one that came too late to be of use is thrown away', async () => {
  const before = catcher.mails().length
  await postman.deliver(job({ ...letter, usefulUntil: new Date(0).toISOString() }), never)
  expect(catcher.mails()).toHaveLength(before)
})

test('a recipient refused for good is hopeless, one refused for now is not', async () => {
  catcher.refuse(550)
  await expect(postman.deliver(job(letter), never)).rejects.toBeInstanceOf(Hopeless)
  catcher.refuse(451)
  await expect(postman.deliver(job(letter), never)).rejects.not.toBeInstanceOf(Hopeless)
  catcher.refuse(null)
  await postman.deliver(job(letter), never)
})

test('a mail server elsewhere that offers no TLS gets nothing, and one that hangs up is tried again', async () => {
  const secured = smtpPostman({ url: catcher.smtpUrl, from, withoutTls: false, domain: 'id.shop.example' })
  const before = catcher.mails().length
  await expect(secured.deliver(job(letter), never)).rejects.not.toBeInstanceOf(Hopeless)
  expect(catcher.mails()).toHaveLength(before)
  secured.close()

  const rude = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(rude, 'listening')
  const address = rude.address()
  const there = smtpPostman({ url: `smtp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, from, withoutTls: true, domain: 'id.shop.example' })
  await expect(there.deliver(job(letter), never)).rejects.not.toBeInstanceOf(Hopeless)
  there.close()
  rude.close()
})
