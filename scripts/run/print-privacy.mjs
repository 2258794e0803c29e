import { privacyCommand } from '../../dist/src/wiring/privacy-command.js'

// What is wrong with the command line or the configuration is said in sentences; a stack would bury it.
try {
  process.stdout.write(await privacyCommand(process.argv.slice(2), process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
