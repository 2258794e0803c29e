import { byTheClock, isSweep } from './by-the-clock.ts'
import type { Connection } from 'mongoose'
import { MongoClient } from 'mongodb'
import { start, type OtherParts } from '../../src/main.ts'
import { clientSide, openSurroundings } from './shop.ts'

/** Two houses with the same secret and the same keys, so that a customer of one key has the same id in both; each records what its database is asked. */
export async function openTwins(other: OtherParts = {}) {
  await using stack = new AsyncDisposableStack()
  const around = [stack.use(await openSurroundings()), stack.use(await openSurroundings())] as const
  const houses = []
  for (const [n, { db, env }] of around.entries()) {
    // The first house makes the keys, the second is given them.
    if (n === 1) await copyKeys(around[0].env.MONGODB_URI, env.MONGODB_URI)
    const commands: string[] = []
    const running = stack.use(
      await start({ ...env, ENTENTE_SECRET: around[0].env.ENTENTE_SECRET }, { ...other, watchCommands: (connection) => record(connection, commands) }),
    )
    houses.push({ db, env, commands, url: running.url, ...clientSide(running.url) })
  }
  const [left, right] = houses
  if (left === undefined || right === undefined) throw new Error('two houses were started')
  const opened = stack.move()
  return { left, right, both: [left, right] as const, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

export type Twins = Awaited<ReturnType<typeof openTwins>>
export type Twin = Twins['left']

/** Asked every few seconds or minutes: registrations of clients, keys to sign with, what alerts look through. */
const nowAndThen = new Set(['find clients', 'find keys', 'find audit_log'])

/** Names and collections of the commands, in order. What the house asks by the clock, whoever is there, is left out. */
function record(connection: Connection, commands: string[]): void {
  connection.getClient().on('commandStarted', ({ commandName, command }: { commandName: string; command: Record<string, unknown> }) => {
    // What is fetched of a cursor belongs to the question that opened it.
    if (commandName === 'getMore') return
    const collection = String(command[commandName])
    const said = `${commandName} ${collection}`
    if (!nowAndThen.has(said) && !byTheClock.has(collection) && !isSweep(command['filter'])) commands.push(said)
  })
}

async function copyKeys(from: string, to: string): Promise<void> {
  const [source, target] = [await MongoClient.connect(from), await MongoClient.connect(to)]
  try {
    await target
      .db()
      .collection('keys')
      .insertMany(await source.db().collection('keys').find({}).toArray())
  } finally {
    await source.close()
    await target.close()
  }
}
