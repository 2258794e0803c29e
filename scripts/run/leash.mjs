// Loaded into every Node process that `npm start` starts: whichever way the starter ends, the channel to it closes.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
