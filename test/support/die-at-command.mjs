import mongoose from 'mongoose'

/**
 * Loaded before a gateway (`--import`): numbers the commands that the driver sends and ends the process, as kill -9 does, before the one
 * that its starter names. Reads change nothing, so ending before each write and at the end ends it in every state it can leave behind.
 */
const writes = new Set(['insert', 'update', 'delete', 'findAndModify', 'commitTransaction', 'abortTransaction'])
let counting
let dieBefore = Infinity
let sent = 0

process.on('message', (message) => {
  if (message.report) process.send({ commands: sent })
  if (message.dieBefore === undefined) return
  sent = 0
  ;({ counting, dieBefore } = message)
  process.send({ counting })
})

function notice({ commandName, command }) {
  // The registry of clients and the queue of jobs are looked at by the clock, not by a request.
  if (command.findAndModify === 'jobs') return
  const isCounted = counting === 'all' ? command.find !== 'clients' && commandName !== 'endSessions' : writes.has(commandName)
  if (isCounted && ++sent === dieBefore) process.kill(process.pid, 'SIGKILL')
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
