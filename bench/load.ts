import { connect, type Socket } from 'node:net'

/** One server under load: `requests` are whole HTTP/1.1 requests, sent round and round. */
export interface Target {
  readonly port: number
  readonly requests: readonly Buffer[]
  /** Throws when the answer to request number `at` is not what the seed says. Called in the warm-up only. */
  readonly check: (body: string, at: number) => void
  /** How many ask at once; 16 unless said. Where answers wait for a disk it takes more to keep a server busy. */
  readonly connections?: number
}

export interface Load {
  readonly answers: number
  readonly seconds: number
}

export const connections = 16
/** Where each answer waits for a disk. */
export const manyConnections = 64

/** Asks every request once and checks each answer in full. */
export const warmUp = (target: Target, rounds = 1): Promise<Load> => drive(target, { count: target.requests.length * rounds, check: true })

/** Keeps all connections busy for that long; every answer must have status 200. */
export const loadFor = (target: Target, seconds: number): Promise<Load> => drive(target, { deadline: performance.now() + seconds * 1000 })

/** Sends so many requests. */
export const loadCount = (target: Target, count: number): Promise<Load> => drive(target, { count })

interface Until {
  readonly count?: number
  readonly deadline?: number
  readonly check?: boolean
}

// Each target goes on where its last round stopped, so that no round meets only customers who were read a moment ago.
const positions = new WeakMap<Target, number>()

/**
 * Closed loop over keep-alive connections, on bare sockets: prepared bytes out, and of an answer only the status and the length are looked at.
 * A full HTTP client costs more processor time a request than the servers that are measured.
 */
async function drive(target: Target, { count = Infinity, deadline = Infinity, check = false }: Until): Promise<Load> {
  const start = performance.now()
  let sent = 0
  let answers = 0
  const next = (): number | null => {
    if (sent >= count || performance.now() >= deadline) return null
    sent++
    const at = positions.get(target) ?? 0
    positions.set(target, (at + 1) % target.requests.length)
    return at
  }
  await Promise.all(Array.from({ length: target.connections ?? connections }, () => converse(target, next, check, () => answers++)))
  return { answers, seconds: (performance.now() - start) / 1000 }
}

function converse(target: Target, next: () => number | null, check: boolean, answered: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(target.port, '127.0.0.1')
    socket.setNoDelay(true)
    let at: number | null = null
    const send = () => {
      at = next()
      if (at === null) return void socket.end(resolve)
      socket.write(target.requests[at] ?? Buffer.alloc(0))
    }
    const finished = (body: string) => {
      if (check && at !== null) target.check(body, at)
      answered()
      send()
    }
    readAnswers(socket, check, finished, (error) => {
      socket.destroy()
      reject(error)
    })
    socket.once('connect', send)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed a connection under load')))
  })
}

function readAnswers(socket: Socket, keep: boolean, finished: (body: string) => void, failed: (error: unknown) => void): void {
  let head: Buffer | null = null
  let missing = 0
  let body: Buffer[] = []
  const take = (chunk: Buffer) => {
    missing -= chunk.length
    if (keep) body.push(chunk)
    if (missing > 0) return
    if (missing < 0) throw new Error('more bytes than the answer said')
    const whole = keep ? Buffer.concat(body).toString() : ''
    body = []
    finished(whole)
  }
  socket.on('data', (chunk: Buffer) => {
    try {
      if (missing > 0) return take(chunk)
      const bytes = head === null ? chunk : Buffer.concat([head, chunk])
      const end = bytes.indexOf('\r\n\r\n')
      head = end < 0 ? bytes : null
      if (end < 0) return
      missing = lengthOf(bytes.toString('latin1', 0, end), bytes, end)
      take(bytes.subarray(end + 4))
    } catch (error) {
      failed(error)
    }
  })
}

function lengthOf(head: string, bytes: Buffer, end: number): number {
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`not 200: ${head.slice(0, 60)} ${bytes.subarray(end + 4, end + 300).toString()}`)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error('an answer without content-length')
  return Number(length)
}

/** A whole request as bytes. */
export function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Buffer {
  return whole(path, Buffer.from(JSON.stringify(body)), { 'content-type': 'application/json', ...headers })
}

/** The same for a form. */
export function postForm(path: string, form: Readonly<Record<string, string>>): Buffer {
  return whole(path, Buffer.from(new URLSearchParams(form).toString()), { 'content-type': 'application/x-www-form-urlencoded' })
}

function whole(path: string, text: Buffer, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ host: 'localhost', 'content-length': String(text.length), ...headers })
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`), text])
}

export const get = (path: string): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
