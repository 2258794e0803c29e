import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { pageOf, styleOf, html, type Look, type Markup } from './html.ts'

export interface Answer {
  readonly status?: number
  /** Goes elsewhere instead of showing a page. */
  readonly to?: string
  readonly body?: Markup
  readonly cookie?: string
  /** Is saved under that name instead of being shown. */
  readonly file?: { readonly name: string; readonly type: string; readonly text: string }
}

/** `form` is what was posted; empty for a page that is only asked for. */
export type Handler = (url: URL, request: IncomingMessage, form: URLSearchParams) => Promise<Answer> | Answer
/** By path, and by `POST` and path. */
export type Pages = Readonly<Record<string, Handler>>

const headers = {
  'content-security-policy': "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Of a form that was posted, bytes. */
const largestForm = 4_096

/** A small web application on 127.0.0.1: pages and forms by path, one style sheet. A gateway that is not there yet is said so, not crashed on. */
export async function listen(port: number, look: Look, pages: Pages): Promise<Server> {
  const server = createServer((request, response) => void serve(request, response, look, pages))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return server
}

async function serve(request: IncomingMessage, response: ServerResponse, look: Look, pages: Pages): Promise<void> {
  const url = URL.parse(request.url ?? '/', `http://127.0.0.1:${request.socket.localPort}`)
  if (url === null) {
    response.writeHead(400).end()
    return
  }
  if (url.pathname === '/style.css') {
    response.writeHead(200, { 'content-type': 'text/css' }).end(styleOf(look))
    return
  }
  const { status = 200, to, body, cookie, file } = await answer(url, request, pages)
  if (cookie !== undefined) response.setHeader('set-cookie', cookie)
  if (file !== undefined) {
    const kind = { 'content-type': file.type, 'content-disposition': `attachment; filename="${file.name}"` }
    response.writeHead(status, { ...headers, ...kind }).end(file.text)
  } else if (to !== undefined) response.writeHead(303, { ...headers, location: to }).end()
  else response.writeHead(status, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(pageOf(look, '/style.css', body ?? html``))
}

async function answer(url: URL, request: IncomingMessage, pages: Pages): Promise<Answer> {
  // The redirect URI is at 127.0.0.1 (RFC 8252, 7.3), and cookies do not cross from localhost to there.
  if (request.headers.host?.startsWith('localhost')) return { to: url.href }
  const page = pages[request.method === 'GET' ? url.pathname : `${request.method} ${url.pathname}`]
  if (!page) return { status: 404, body: problem('There is nothing here.') }
  try {
    const form = request.method === 'GET' ? '' : await formIn(request)
    if (form === null) return { status: 400, body: problem('This form is none of ours.') }
    return await page(url, request, new URLSearchParams(form))
  } catch (error) {
    console.error(error instanceof Error ? `${url.pathname}: ${error.message}` : error)
    return { status: 502, body: problem('Entente does not answer as expected. It may still be starting.') }
  }
}

/** What was posted; null for what another site sent, or for more than a form here can hold. */
async function formIn(request: IncomingMessage): Promise<string | null> {
  if ((request.headers['sec-fetch-site'] ?? 'same-origin') !== 'same-origin') return null
  let form = ''
  for await (const chunk of request) {
    form += String(chunk)
    if (form.length > largestForm) return null
  }
  return form
}

const problem = (text: string) =>
  html`<main>
    <h1>One moment</h1>
    <p>${text}</p>
    <p><a class="button" href="/">To the start</a></p>
  </main>`
