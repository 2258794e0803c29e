/** What a person can put right: one sentence that says what is missing and the way out. Printed without a stack. */
export class Problem extends Error {}

/** Runs a command's main function; a Problem ends it with its sentence and exit code 1. */
export async function runOrExplain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    console.error(`\n${error.message}\n`)
    process.exitCode = 1
  }
}
