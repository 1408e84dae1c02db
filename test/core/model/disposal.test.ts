import { createTwinkey, type KeyStore, memoryStore, type Twinkey } from 'twinkey'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'

/** A store with a change feed that counts how often it is ended. */
function watchedStore(): { store: KeyStore; ended: () => number } {
  let ended = 0
  const stop = async () => void ended++
  return { store: { ...memoryStore(), watch: async () => stop }, ended: () => ended }
}

describe('await using', () => {
  test('closes a Twinkey at the end of the block', async () => {
    const { store, ended } = watchedStore()
    {
      await using twinkey = createTwinkey({ store })
      await twinkey.keys.list()
      expect(ended()).toBe(0)
    }
    expect(ended()).toBe(1)
  })

  test('closes a Twinkey when the block throws', async () => {
    const { store, ended } = watchedStore()
    const run = async () => {
      await using twinkey = createTwinkey({ store })
      await twinkey.keys.list()
      throw new Error('stopped')
    }
    await expect(run()).rejects.toThrow('stopped')
    expect(ended()).toBe(1)
  })

  test('does the same as close', () => {
    const twinkey = createTwinkey()
    expect(twinkey[Symbol.asyncDispose]).toBe(twinkey.close)
    expectTypeOf<Twinkey>().toExtend<AsyncDisposable>()
    // @ts-expect-error: ending a Twinkey takes time, so using alone does not do.
    twinkey satisfies Disposable
  })
})

test('on a runtime without Symbol.asyncDispose, a Twinkey has no further member and closes by close', async () => {
  const { store, ended } = watchedStore()
  const known = Object.keys(createTwinkey())
  const older = new Proxy((text?: string) => Symbol(text), {
    get: (_, name) => (name === 'asyncDispose' ? undefined : Reflect.get(Symbol, name)),
  })
  vi.stubGlobal('Symbol', older)
  let twinkey: Twinkey
  try {
    twinkey = createTwinkey({ store })
  } finally {
    vi.unstubAllGlobals()
  }
  expect(Reflect.ownKeys(twinkey)).toEqual(known)
  await twinkey.close()
  expect(ended()).toBe(1)
})
