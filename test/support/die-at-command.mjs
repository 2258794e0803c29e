import { flushCompileCache } from 'node:module'
import mongoose from 'mongoose'

/**
 * Loaded before a gateway (`--import`): numbers the commands that the driver sends and ends the process, as kill -9 does, before the one
 * that its starter names. Reads change nothing, so ending before each write and at the end ends it in every state it can leave behind.
 * Names them too, for a starter that would rather choose among them.
 */
const writes = new Set(['insert', 'update', 'delete', 'findAndModify', 'commitTransaction', 'abortTransaction'])
let told = {}
const sent = []

process.on('message', (message) => {
  // A process that is killed would leave the next one nothing of what was compiled.
  if (message.keepCompiled) flushCompileCache()
  if (message.report) process.send({ commands: sent })
  if (message.counting === undefined) return
  sent.length = 0
  told = message
  process.send({ counting: message.counting })
})

function notice({ commandName, command }) {
  // The registry of clients and the queue of jobs are looked at by the clock, not by a request.
  if (command.findAndModify === 'jobs') return
  const isCounted = told.counting === 'all' ? command.find !== 'clients' && commandName !== 'endSessions' : writes.has(commandName)
  if (!isCounted) return
  const collection = command[commandName]
  const name = typeof collection === 'string' ? `${commandName} ${collection}` : commandName
  sent.push(name)
  const so = told.named === undefined ? sent.length : sent.filter((one) => one === told.named).length
  if (so === told.dieBefore && (told.named ?? name) === name) process.kill(process.pid, 'SIGKILL')
}

const { MongoClient } = mongoose.mongo
const { connect } = MongoClient.prototype
MongoClient.prototype.connect = function connectAndCount() {
  if (!this.monitorCommands) {
    this.monitorCommands = true
    this.on('commandStarted', notice)
  }
  return connect.call(this)
}
