const MAX_AT_ONCE = 16

/** Runs checks, at most 16 at once. */
export interface CheckQueue<T> {
  /**
   * Adds a check. A check that already waits runs once. A check that is running runs once more
   * afterwards.
   *
   * @param urgency Urgent checks run first.
   */
  add(each: T, urgency: 'urgent' | 'due'): void
  /** Removes a check that waits. */
  remove(each: T): void
  isWaiting(each: T): boolean
  /** Removes all checks that wait. */
  clear(): void
}

/** @param check Never rejects. */
export function createCheckQueue<T>(check: (each: T) => Promise<void>): CheckQueue<T> {
  const waiting = { urgent: new Set<T>(), due: new Set<T>() }
  const running = new Set<T>()

  function* inOrder(): Generator<T> {
    yield* waiting.urgent
    yield* waiting.due
  }

  function remove(each: T): void {
    waiting.urgent.delete(each)
    waiting.due.delete(each)
  }

  function startNext(): void {
    for (const each of inOrder()) {
      if (running.size >= MAX_AT_ONCE) return
      if (running.has(each)) continue
      remove(each)
      running.add(each)
      check(each).finally(() => {
        running.delete(each)
        startNext()
      })
    }
  }

  return {
    add(each, urgency) {
      if (urgency === 'urgent') waiting.due.delete(each)
      if (!waiting.urgent.has(each)) waiting[urgency].add(each)
      startNext()
    },
    remove,
    isWaiting: (each) => waiting.urgent.has(each) || waiting.due.has(each),
    clear() {
      waiting.urgent.clear()
      waiting.due.clear()
    },
  }
}
