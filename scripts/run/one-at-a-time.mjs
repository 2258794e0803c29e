import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../setup/problem.mjs'

/**
 * Takes the data folder for this process: two gateways' servers on the same files would ruin them. Answers how to give it back,
 * and whether someone left without doing so (then what they started may need some seconds to be gone). Fails with a Problem.
 */
export function takeDataFolder(folder) {
  const lock = join(folder, 'in-use-by')
  const leftBehind = readPid(lock)
  if (leftBehind !== undefined && leftBehind !== process.pid && isOurs(leftBehind, 'start.mjs'))
    throw new Problem(`Entente already runs from this folder (process ${leftBehind}); stop it first, with Ctrl-C there or "kill ${leftBehind}".`)
  write(folder, lock)
  return { stale: leftBehind !== undefined, giveBack: () => rmSync(lock, { force: true }) }
}

/** Waits up to 12 seconds for a mongod that a killed run left to finish its shutdown. Fails with a Problem. */
export async function waitForOldMongod(folder) {
  const pid = readPid(join(folder, 'mongod.lock'))
  for (let attempt = 0; pid !== undefined && isOurs(pid, folder); attempt++) {
    if (attempt === 120) throw new Problem(`A mongod of an earlier run still uses ${folder} (process ${pid}); stop it with "kill ${pid}".`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function write(folder, lock) {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    rmSync(lock, { force: true })
    writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (error.code === 'EEXIST') throw new Problem('Entente is just being started from this folder by someone else; try again in a moment.')
    if (error.code === 'EACCES')
      throw new Problem(`${folder} belongs to another user of this machine; give it back with chown, or remove it and what is stored in it.`)
    throw error
  }
}

function readPid(file) {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined
  } catch {
    return undefined
  }
}

/** Process ids are used again: only a process whose command line has `word` is the one that wrote the file. */
function isOurs(pid, word) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code === 'ESRCH') return false
  }
  if (process.platform !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
  } catch {
    return false
  }
}
