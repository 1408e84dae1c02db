import type { KeyStore } from 'twinkey'

type Counted = 'get' | 'put' | 'delete' | 'list' | 'history' | 'forgetHistory' | 'recordUse'

/** A store that counts its calls and can be made to fail, to hang or to return something else. */
export interface SpyStore {
  readonly store: KeyStore
  /** The wrapped store. Calls to it are not counted. */
  readonly inner: KeyStore
  /** Calls so far, by method. */
  readonly calls: Record<Counted, number>
  /** Replaces methods from now on. `{}` restores them all. */
  override(methods: Partial<KeyStore>): void
}

export function spyStore(inner: KeyStore): SpyStore {
  const calls = {
    get: 0,
    put: 0,
    delete: 0,
    list: 0,
    history: 0,
    forgetHistory: 0,
    recordUse: 0,
  }
  let overrides: Partial<KeyStore> = {}
  const store: KeyStore = {
    get(...args) {
      calls.get++
      return (overrides.get ?? inner.get)(...args)
    },
    put(...args) {
      calls.put++
      return (overrides.put ?? inner.put)(...args)
    },
    delete(...args) {
      calls.delete++
      return (overrides.delete ?? inner.delete)(...args)
    },
    list(...args) {
      calls.list++
      return (overrides.list ?? inner.list)(...args)
    },
    history(...args) {
      calls.history++
      return (overrides.history ?? inner.history)(...args)
    },
    forgetHistory(...args) {
      calls.forgetHistory++
      return (overrides.forgetHistory ?? inner.forgetHistory)(...args)
    },
    recordUse(...args) {
      calls.recordUse++
      return (overrides.recordUse ?? inner.recordUse)(...args)
    },
    watch: async (changed) => (await inner.watch?.(changed)) ?? (async () => {}),
  }
  return {
    store,
    inner,
    calls,
    override(methods) {
      overrides = methods
    },
  }
}
