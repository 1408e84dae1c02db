import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { withTimeout } from '../../../src/core/store/timeout.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const errorCodeOf = (call: Promise<unknown>) =>
  call.then(String, ({ code, message, cause }) => ({ code, message, cause: cause.message }))

describe('a call with a deadline', () => {
  it('returns the answer, and leaves no timer behind', async () => {
    expect(await withTimeout(1000, 'store_unavailable', 'It failed', async () => 5)).toBe(5)
    expect(await withTimeout(1000, 'store_unavailable', 'It failed', () => 6)).toBe(6)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that fails rejects with the reason, and leaves no timer behind', async () => {
    const down = new Error('down')
    const failing = [() => Promise.reject(down), () => expect.fail('down')]
    for (const call of failing) {
      const fault = await errorCodeOf(
        withTimeout(1000, 'store_unavailable', 'It failed', call as () => never),
      )
      expect(fault).toEqual({
        code: 'store_unavailable',
        message: 'It failed: down',
        cause: 'down',
      })
    }
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that is not answered in time rejects and names the deadline', async () => {
    const late = errorCodeOf(
      withTimeout(1000, 'owner_unavailable', 'It failed', () => new Promise(() => {})),
    )
    await vi.advanceTimersByTimeAsync(999)
    let isOver = false
    void late.then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(0)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await late).toEqual({
      code: 'owner_unavailable',
      message: 'It failed: no answer within 1000 ms',
      cause: 'no answer within 1000 ms',
    })
    expect(vi.getTimerCount()).toBe(0)
  })
})
