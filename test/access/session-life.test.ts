import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { authorize, openStage, refresh, signedIn, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

async function onDay<T>(day: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + day * 86_400_000 })
  try {
    return await work()
  } finally {
    vi.useRealTimers()
  }
}
const isIn = async (browser: ReturnType<Stage['browser']>) => (await authorize(stage, browser, { prompt: 'none' })).code !== null

test('a browser that is not used for two weeks is signed out', async () => {
  const { browser } = await signedIn(stage)
  expect(await onDay(13, () => isIn(browser))).toBe(true)
  expect(await onDay(26, () => isIn(browser))).toBe(true)
  expect(await onDay(41, () => isIn(browser))).toBe(false)
})

test('ninety days after signing in one signs in again, however busy the browser and the app were', async () => {
  const { browser, tokens } = await signedIn(stage)
  let { refresh: token } = tokens
  for (const day of [12, 24, 36, 48, 60, 72, 84, 89]) {
    expect(await onDay(day, () => isIn(browser))).toBe(true)
    token = (await onDay(day, () => refresh(stage, token))).refresh
  }
  expect(await onDay(91, () => isIn(browser))).toBe(false)
  expect((await onDay(91, () => refresh(stage, token))).body).toMatchObject({ error: 'invalid_grant' })
})
