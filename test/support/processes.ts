import { transformFile } from '@swc/core'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { glob, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { startBalancer } from './balancer.ts'
import { clientSide, openSurroundings } from './shop.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const faults = new URL('./die-at-command.mjs', import.meta.url).href

/** Before which command a gateway ends: the nth of all that count, or of those of that name. Without a number it lives, and counts. */
export interface Death {
  readonly counting: 'writes' | 'all'
  readonly dieBefore?: number
  readonly named?: string
}

/** A gateway in a process of its own. */
export interface Gateway {
  readonly url: string
  readonly pid: number
  /** The signal or the exit code it ended by. */
  readonly ended: Promise<string | number>
  hasEnded(): boolean
  /** Says something to `die-at-command.mjs`, and waits until it has heard. */
  tell(message: Death): Promise<void>
  /** The commands that were sent since it was told, by name and collection. */
  commands(): Promise<readonly string[]>
  signal(name: NodeJS.Signals): void
}

let compiled: Promise<string> | undefined

/** The gateway's sources as programs that Node.js runs, in a folder from which the packages are found; once a worker. Types are checked elsewhere. */
async function compile(): Promise<string> {
  const folder = join(inject('gateways'), String(process.pid))
  const options = {
    swcrc: false,
    module: { type: 'es6' },
    jsc: {
      target: 'es2024',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, verbatimModuleSyntax: true },
      rewriteRelativeImportExtensions: true,
    },
  } as const
  for await (const file of glob('src/**/*.ts', { cwd: root })) {
    const { code } = await transformFile(join(root, file), options)
    const target = join(folder, file.replace(/\.ts$/, '.js'))
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, code)
  }
  return folder
}

async function startGateway(main: string, env: Readonly<Record<string, string>>): Promise<Gateway> {
  const child = fork(main, { cwd: root, env, execArgv: ['--import', faults], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'exit').then(([code, signal]): string | number => signal ?? code)
  const heard = heardBy(child)
  const ready = await Promise.race([heard('ready'), ended.then((how) => Promise.reject(new Error(`a gateway ended at its start: ${how}`)))])
  child.send({ keepCompiled: true })
  return {
    url: String(ready).replace('127.0.0.1', 'localhost'),
    pid: child.pid ?? 0,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async tell(message) {
      child.send(message)
      await heard('counting')
    },
    async commands() {
      child.send({ report: true })
      const commands = await heard('commands')
      return Array.isArray(commands) ? commands.map(String) : []
    },
    signal: (name) => void child.kill(name),
  }
}

function heardBy(child: ChildProcess): (name: string) => Promise<unknown> {
  return (name) =>
    new Promise((resolve) => {
      const listen = (message: unknown): void => {
        if (typeof message !== 'object' || message === null || !(name in message)) return
        child.off('message', listen)
        resolve(Reflect.get(message, name))
      }
      child.on('message', listen)
    })
}

/** A house whose gateways are processes of their own, behind one address that gives each request to the next of them. */
export async function startProcesses(options: { readonly gateways: number; readonly env?: Record<string, string> }) {
  await using stack = new AsyncDisposableStack()
  const around = stack.use(await openSurroundings(options.env))
  const folder = await (compiled ??= compile())
  const balancer = stack.use(await startBalancer())
  const env = { ...around.env, PUBLIC_URL: balancer.url, NODE_COMPILE_CACHE: join(inject('gateways'), 'compiled') }
  const main = join(folder, 'src/main.js')
  const children = stack.use(new AsyncDisposableStack())

  /** One more process; it answers requests of the common address when it is put there with `serve`. */
  const more = async (changed: Record<string, string> = {}): Promise<Gateway> =>
    children.adopt(await startGateway(main, { ...env, ...changed }), async (one) => {
      one.signal('SIGKILL')
      await one.ended
    })
  const serve = (gateways: readonly Gateway[]) => balancer.serve(gateways.map(({ url }) => url))

  const gateways: Gateway[] = []
  for (let n = 0; n < options.gateways; n++) gateways.push(await more())
  serve(gateways)
  const running = stack.move()
  const house = { ...around, ...clientSide(balancer.url), env, url: balancer.url, gateways, more, serve }
  return Object.assign(house, { [Symbol.asyncDispose]: () => running.disposeAsync() })
}

export type Processes = Awaited<ReturnType<typeof startProcesses>>
