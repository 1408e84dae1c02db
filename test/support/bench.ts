import {
  createTwinkey,
  memoryStore,
  type Twinkey,
  type TwinkeyEvent,
  type TwinkeyOptions,
} from 'twinkey'
import { type Clock, createClock } from './clock.ts'
import { shortSigningKey } from './signing-key.ts'
import { type SpyStore, spyStore } from './spy-store.ts'

/** A Twinkey over a store that can fail on demand, with a manual clock and a list of its events. */
export interface Bench {
  readonly twinkey: Twinkey
  readonly spy: SpyStore
  readonly clock: Clock
  readonly events: TwinkeyEvent[]
  /**
   * Another node over the same store. It hears of the changes by this node only if its options have
   * a store with a feed.
   */
  another(options?: TwinkeyOptions): Twinkey
}

export const ISSUER = 'https://api.example'
export const AUDIENCE = 'https://audience.example'
/** The signing key of every bench. */
export const signingKey = shortSigningKey()

export function createBench(options: TwinkeyOptions = {}): Bench {
  const clock = createClock()
  const spy = spyStore(options.store ?? memoryStore())
  const events: TwinkeyEvent[] = []
  const common: TwinkeyOptions = {
    now: clock.now,
    tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] },
    onEvent: (event) => events.push(event),
    ...options,
    store: spy.store,
  }
  const { watch: _feed, ...unwatched } = spy.store
  return {
    twinkey: createTwinkey(common),
    spy,
    clock,
    events,
    another: (more = {}) => createTwinkey({ ...common, store: unwatched, ...more }),
  }
}
