import { runCommand } from './run/command.mjs'

/** `npm run privacy -- records | notice`: the record of processing, or the privacy notice. */
await runCommand('privacy')
