/** Vitest reporter: after all others, one plain line that machines read: "N passed, N failed". Errors outside of a test count as failed. */
export default class ClosingLine {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0
    let failed = unhandledErrors.length
    for (const module of modules) {
      failed += module.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        if (state === 'failed') failed++
      }
    }
    process.on('exit', () => console.log(`\n${passed} passed, ${failed} failed`))
  }
}
