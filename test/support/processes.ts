import { transformFile } from '@swc/core'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { glob, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBalancer } from './balancer.ts'
import { clientSide, openSurroundings } from './shop.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const faults = new URL('./die-at-command.mjs', import.meta.url).href

/** A gateway in a process of its own. */
export interface Gateway {
  readonly url: string
  readonly pid: number
  /** The signal or the exit code it ended by. */
  readonly ended: Promise<string | number>
  hasEnded(): boolean
  /** Says something to `die-at-command.mjs`, and waits until it has heard. */
  tell(message: { readonly dieBefore: number; readonly counting: 'writes' | 'all' }): Promise<void>
  /** How many commands were sent since it was told. */
  commands(): Promise<number>
  signal(name: NodeJS.Signals): void
}

/** The gateway's sources as programs that Node.js runs, in a folder from which the packages are found. Types are checked elsewhere. */
async function compile(): Promise<string> {
  await mkdir(join(root, 'dist'), { recursive: true })
  const folder = await mkdtemp(join(root, 'dist/for-test-'))
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
      return Number(await heard('commands'))
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
  const folder = stack.adopt(await compile(), (one) => rm(one, { recursive: true, force: true }))
  const balancer = stack.use(await startBalancer())
  const env = { ...around.env, PUBLIC_URL: balancer.url, NODE_COMPILE_CACHE: join(folder, 'compiled') }
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
