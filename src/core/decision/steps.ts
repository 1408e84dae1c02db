/** Straight-line work that pauses whenever it must wait for a promise. */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>

/** Pauses until a promise is fulfilled, and returns its value. */
export function* wait<T>(promise: Promise<T>): Steps<T> {
  return (yield promise) as T
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
