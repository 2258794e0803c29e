/** One after the other, and none left running behind the end. */
export function repeatedly(milliseconds: number, failed: (error: unknown) => void, work: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= work()
      .catch(failed)
      .finally(() => {
        running = null
      })
  }, milliseconds).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
