import { describe, expect, test } from 'vitest'
import { unexplained, type Operation } from '../support/linearizable.ts'
import { startProcesses } from '../support/processes.ts'
import { changingMinds } from '../support/withdrawals.ts'

const deep = process.env['ENTENTE_DEEP'] === '1'

describe('a history is explained or not', () => {
  const op = (does: Operation['does'], value: boolean, began: number, ended: number): Operation => ({ does, value, began, ended, by: '' })
  const no = op('write', false, 10, 20)
  test.each<readonly [string, readonly Operation[], boolean]>([
    ['a yes that is read after the answer to the no', [no, op('read', true, 21, 22)], false],
    ['a yes that was asked for before it', [no, op('read', true, 19, 30)], true],
    ['a no that is read before anybody said it', [no, op('read', false, 1, 9)], false],
    ['a no, and then a yes again, while it is being said', [no, op('read', false, 11, 12), op('read', true, 13, 14)], false],
    ['a yes, and then a no, while it is being said', [no, op('read', true, 11, 12), op('read', false, 13, 14)], true],
    ['a no that is refused after a yes was answered', [no, op('write', true, 30, 40), op('read', false, 41, 42)], false],
    [
      'two at once, read in one order by one and in the other by another',
      [no, op('write', true, 10, 40), op('read', true, 21, 22), op('read', false, 41, 42)],
      false,
    ],
  ])('%s', (_, history, explained) => expect(unexplained(history, true) === null).toBe(explained))
})

test(
  'I15 a withdrawal and a restriction hold for the next read on every process, and what lifts them too, whoever reads how, while both go on',
  async () => {
    await using house = await startProcesses({ gateways: 4 })
    const [people, times] = deep ? [8, 500] : [1, 12]
    const registers = (await Promise.all([changingMinds(house, people, times), changingMinds(house, people, times, 'restriction')])).flat()
    for (const { name, history } of registers) {
      expect({ name, contradicted: unexplained(history, true) }).toEqual({ name, contradicted: null })
      // Something was at stake: yes and no were both said, and both were read.
      expect(new Set(history.map(({ does, value }) => `${does} ${value}`)).size).toBe(4)
    }
  },
  deep ? 1_200_000 : 240_000,
)
