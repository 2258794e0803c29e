import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { basicModules } from './basic-modules.ts'
import { testPlan } from './plan.ts'
import { openRelyingParty, type RelyingParty } from './relying-party.ts'

let rp: RelyingParty
beforeAll(async () => {
  rp = await openRelyingParty('form_post')
})
afterAll(() => rp[Symbol.asyncDispose]())
// Modules that wait do it by moving the clock, which gateway and providers share.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }))
afterEach(() => void vi.useRealTimers())

testPlan('oidcc-formpost-basic-certification-test-plan', basicModules, () => rp)
