// Run on Node 24 with what was compiled: prints what the command named first says, or in a sentence what is wrong.
const [name, ...args] = process.argv.slice(2)
const commands = {
  privacy: async () => (await import('../../dist/src/wiring/privacy-command.js')).privacyCommand,
  backup: async () => (await import('../../dist/src/wiring/backup-command.js')).backupCommand,
}

try {
  const command = await commands[name]()
  process.stdout.write(await command(args, process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
