import { runCommand } from './run/command.mjs'

/** `npm run backup -- make | restore`: the database in two files, of which one is worth nothing without the other. */
await runCommand('backup')
