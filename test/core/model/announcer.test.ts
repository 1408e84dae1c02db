import type { TwinkeyEvent } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createEventDispatcher } from '../../../src/core/model/events.ts'
import { createGate, settled } from '../../support/gate.ts'

const EVENT: TwinkeyEvent = { type: 'warning.store_unavailable', at: 1, message: 'm' }

const unfailing = () => expect.fail('the listener has not failed')

describe('a listener', () => {
  it('gets each event at once, frozen', () => {
    const heard: TwinkeyEvent[] = []
    const { emit, flush } = createEventDispatcher((event) => void heard.push(event), unfailing)
    emit({ ...EVENT })
    emit({ ...EVENT, at: 2 })
    expect(heard.map(({ at }) => at)).toEqual([1, 2])
    expect(heard.every(Object.isFrozen)).toBe(true)
    expect(flush()).toBeUndefined()
  })

  it.each([
    ['throws', () => expect.fail('bug')],
    ['answers null', () => null],
    ['answers undefined', () => undefined],
    ['answers text', () => 'then'],
    ['answers an object', () => ({})],
  ])('that %s is not awaited', (_what, listener) => {
    const { emit, flush } = createEventDispatcher(listener, () => {})
    emit({ ...EVENT })
    expect(flush()).toBeUndefined()
  })

  it.each([
    ['resolves', () => Promise.resolve()],
    ['rejects', () => Promise.reject(new Error('bug'))],
  ])('that %s is awaited by flush until then', async (_what, settle) => {
    const gate = createGate()
    const { emit, flush } = createEventDispatcher(
      async () => {
        await gate.opened
        await settle()
      },
      () => {},
    )
    emit({ ...EVENT })
    let isDone = false
    const done = flush()?.then(() => {
      isDone = true
    })
    expect(done).toBeDefined()
    await settled()
    expect(isDone).toBe(false)
    gate.open()
    await done
    await settled()
    expect(flush()).toBeUndefined()
  })

  it('that never settles still gets each event, and flush awaits at most 10,000 of its promises', async () => {
    let [heard, waited] = [0, 0]
    const { emit, flush } = createEventDispatcher(() => {
      heard++
      return new Promise(() => {})
    }, unfailing)
    const all = Promise.all
    for (let i = 0; i < 10_005; i++) emit({ ...EVENT })
    Promise.all = function (this: PromiseConstructor, values: Iterable<unknown>) {
      waited = [...values].length
      return all.call(this, []) as never
    } as typeof Promise.all
    try {
      await flush()
    } finally {
      Promise.all = all
    }
    expect([heard, waited]).toEqual([10_005, 10_000])
  })
})
