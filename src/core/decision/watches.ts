import { isTwinkeyError } from '../model/error.ts'
import type { Principal } from '../model/principal.ts'
import type { RefusalReason } from '../model/refusal.ts'
import { later } from '../store/timeout.ts'
import { identityOfPrincipal } from './allowed.ts'
import { createCheckQueue } from './check-queue.ts'
import type { Confirm } from './confirmation.ts'
import { CredentialDenial } from './denial.ts'
import type { Identity } from './identity.ts'
import type { Usage } from './usage.ts'

/** Called once, when a principal would no longer be let in. */
type OnEnd = (reason: RefusalReason) => unknown

/** Watches principals whose connections stay open after the decision. */
export interface Watches {
  /** Returns a function that ends the watch without calling `onEnd`. */
  watch(principal: Principal, onEnd: OnEnd): () => void
  /** Checks the principals of a key whose record may have changed; all if the id is undefined. */
  keyChanged(keyId: string | undefined): void
  /** Checks the principals of an owner whose scope may have changed. */
  ownerChanged(owner: string): void
  /** Ends all watches without calling `onEnd`. */
  end(): void
}

export interface WatchesParts {
  readonly confirm: Confirm
  readonly usage: Pick<Usage, 'note'>
  /** How old the record of a key may become before it is read again. */
  readonly maxAgeMilliseconds: number
  /** Called if `onEnd` throws or rejects. */
  readonly failed: (error: unknown) => void
  readonly now: () => number
}

interface Watched {
  readonly principal: Principal
  readonly onEnd: OnEnd
  /** The identity that was found last. */
  identity: Identity
  /** Since when its checks fail, or wait behind those that fail. */
  failingSince: number | undefined
  /** The next check needs data as new as this. */
  since: number
}

// If `cache.maxAgeSeconds` is smaller, even 0.
const MIN_INTERVAL_MILLISECONDS = 1000
// While the store fails, principals stay as they are for this long.
const MAX_FAILING_MILLISECONDS = 60_000
const MAX_RETRY_MILLISECONDS = 5000
const MIN_PAUSE_MILLISECONDS = 10

export function createWatches(parts: WatchesParts): Watches {
  const { confirm, usage, failed, now } = parts
  const interval = Math.max(parts.maxAgeMilliseconds, MIN_INTERVAL_MILLISECONDS)
  const retry = Math.min(interval, MAX_RETRY_MILLISECONDS)
  const byKey = new Map<string, Set<Watched>>()
  const queue = createCheckQueue(check)
  const alarm = createAlarm(wake)
  // Why a check failed since the last wake.
  let failure: RefusalReason | undefined
  let intervalBegan = 0

  function* all(): Generator<Watched> {
    for (const watched of byKey.values()) yield* watched
  }

  function isWatched(each: Watched): boolean {
    return byKey.get(each.principal.keyId)?.has(each) === true
  }

  function add(each: Watched): void {
    const { keyId } = each.principal
    if (byKey.size === 0) intervalBegan = each.since
    const ofKey = byKey.get(keyId) ?? new Set()
    byKey.set(keyId, ofKey.add(each))
  }

  function remove(each: Watched): void {
    const { keyId } = each.principal
    const ofKey = byKey.get(keyId)
    ofKey?.delete(each)
    queue.remove(each)
    if (ofKey?.size === 0) byKey.delete(keyId)
    if (byKey.size === 0) alarm.cancel()
  }

  // Wakes at the next interval or retry, or when the first credential expires.
  function plan(at: number, watched: Iterable<Watched>): void {
    let next = intervalBegan + interval
    for (const { identity, failingSince } of watched) {
      const { validUntil } = identity
      if (validUntil !== null && validUntil > at) next = Math.min(next, validUntil)
      if (failingSince !== undefined) next = Math.min(next, at + retry)
    }
    alarm.setNoLaterThan(next, at)
  }

  function wake(): void {
    const at = now()
    // Math.abs: the clock may go back.
    const isNextInterval = Math.abs(at - intervalBegan) >= interval
    if (isNextInterval) intervalBegan = at
    for (const each of all()) {
      const isWaiting = queue.isWaiting(each)
      if (isWaiting && failure !== undefined) each.failingSince ??= at
      if (isWaiting && isLost(each, at)) conclude(each, failure ?? 'store_unavailable')
      else if (isOver(each, at)) demand(each, at, 'urgent')
      else if (isNextInterval || each.failingSince !== undefined) demand(each, at, 'due')
    }
    failure = undefined
    if (byKey.size > 0) plan(at, all())
  }

  function demand(each: Watched, since: number, urgency: 'urgent' | 'due'): void {
    each.since = since
    queue.add(each, urgency)
  }

  async function check(each: Watched): Promise<void> {
    const reason = await endOf(each)
    const at = now()
    if (!isWatched(each)) return
    if (reason !== undefined) return conclude(each, reason)
    if (each.failingSince === undefined && isOver(each, at)) demand(each, at, 'urgent')
    else plan(at, [each])
  }

  async function conclude(each: Watched, reason: RefusalReason): Promise<void> {
    remove(each)
    try {
      await each.onEnd(reason)
    } catch (error) {
      failed(error)
    }
  }

  async function endOf(each: Watched): Promise<RefusalReason | undefined> {
    try {
      const found = await confirm(each.principal, each.identity, each.since)
      if (found instanceof CredentialDenial) return found.reason
      const at = now()
      each.identity = found
      each.failingSince = undefined
      usage.note(found, at)
      return undefined
    } catch (error) {
      const at = now()
      each.failingSince ??= at
      failure =
        isTwinkeyError(error) && error.code === 'owner_unavailable'
          ? 'owner_unavailable'
          : 'store_unavailable'
      return isLost(each, at) ? failure : undefined
    }
  }

  return {
    watch(principal, onEnd) {
      const at = now()
      const each = watchedOf(principal, onEnd, at)
      add(each)
      plan(at, [each])
      // The decision may have used a cached record, and the key may have changed since.
      demand(each, at, 'due')
      return () => remove(each)
    },
    keyChanged(keyId) {
      if (byKey.size === 0) return
      const at = now()
      for (const each of keyId === undefined ? all() : (byKey.get(keyId) ?? []))
        demand(each, at, keyId === undefined ? 'due' : 'urgent')
    },
    ownerChanged(owner) {
      for (const each of all())
        if (each.identity.holder.owner === owner) demand(each, now(), 'urgent')
    },
    end() {
      byKey.clear()
      queue.clear()
      alarm.cancel()
    },
  }
}

/** @throws TypeError for a copied or handmade principal, and if `onEnd` is not a function. */
function watchedOf(principal: Principal, onEnd: OnEnd, at: number): Watched {
  const identity =
    typeof principal === 'object' && principal !== null ? identityOfPrincipal(principal) : undefined
  if (identity === undefined)
    throw new TypeError(
      'watchPrincipal: the first argument must be the principal that a guard or authenticate() gave you, not a copy.',
    )
  if (typeof onEnd !== 'function')
    throw new TypeError('watchPrincipal: the second argument must be a function.')
  return { principal, onEnd, identity, failingSince: undefined, since: at }
}

// One timer, which rings at the earliest of the times for which it was set.
function createAlarm(ring: () => void) {
  let ringsAt = Number.POSITIVE_INFINITY
  let cancelTimer: (() => void) | undefined

  function cancel(): void {
    cancelTimer?.()
    cancelTimer = undefined
    ringsAt = Number.POSITIVE_INFINITY
  }

  return {
    cancel,
    setNoLaterThan(next: number, at: number): void {
      if (next >= ringsAt) return
      cancel()
      ringsAt = next
      cancelTimer = later(Math.max(next - at, MIN_PAUSE_MILLISECONDS), () => {
        cancel()
        ring()
      })
    },
  }
}

function isOver({ identity: { validUntil } }: Watched, at: number): boolean {
  return validUntil !== null && at >= validUntil
}

// The store or `ownerScope` has failed for too long, or when the credential expired.
function isLost(each: Watched, at: number): boolean {
  const { failingSince } = each
  if (failingSince === undefined) return false
  // Math.abs: the clock may go back.
  return isOver(each, at) || Math.abs(at - failingSince) >= MAX_FAILING_MILLISECONDS
}
