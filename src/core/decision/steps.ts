/** Straight-line work that pauses whenever it must wait for a promise. */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>

/** Pauses until a promise is fulfilled, and returns its value. */
export function* wait<T>(promise: Promise<T>): Steps<T> {
  return (yield promise) as T
}

/**
 * Pauses until a promise is settled, and returns its value. Unlike {@link wait}, throws its error
 * into the work, so that `run` rejects with it.
 */
export function* settle<T>(promise: Promise<T>): Steps<T> {
  const outcome = (yield promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )) as { value: T } | { error: unknown }
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

/**
 * Runs the work. If it never pauses, returns its outcome without a promise.
 *
 * @param failed Turns the error of a rejected promise into the outcome. The work is not resumed.
 */
export function run<T>(steps: Steps<T>, failed: (error: unknown) => T): T | Promise<T> {
  const step = steps.next()
  return step.done ? step.value : resume(steps, step.value, failed)
}

async function resume<T>(
  steps: Steps<T>,
  promise: Promise<unknown>,
  failed: (error: unknown) => T,
): Promise<T> {
  let awaited: Promise<unknown> = promise
  for (;;) {
    let value: unknown
    try {
      value = await awaited
    } catch (error) {
      return failed(error)
    }
    const step = steps.next(value)
    if (step.done) return step.value
    awaited = step.value
  }
}

/** Whether a value must be awaited. Reads `then`, because a promise may come from another realm. */
export function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
