import DataLoader from 'dataloader'

const longest = 500

/**
 * One command for all that is asked in one turn of the event loop: `work` answers in the order of its askers, and fails for all of them. Alone,
 * an asker waits for nothing; a busy process sends few large commands in the place of many small ones, and nothing is kept after the answer.
 */
export function joined<Ask, Answer>(work: (asks: readonly Ask[]) => Promise<readonly Answer[]>): (ask: Ask) => Promise<Answer> {
  const loader = new DataLoader<Ask, Answer>(work, {
    cache: false,
    maxBatchSize: longest,
    // After the sockets of this turn were read, so that requests which came together are answered together.
    batchScheduleFn: (dispatch) => void setImmediate(dispatch),
  })
  return (ask) => loader.load(ask)
}
