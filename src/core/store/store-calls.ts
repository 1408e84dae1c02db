import { TwinkeyError } from '../model/error.ts'
import type { StoreMessage, Trace } from '../model/trace.ts'
import { redactError } from './store-error.ts'
import { withTimeout } from './timeout.ts'

/** Runs the calls to a store, each with a timeout, an abort signal and a check of its answer. */
export interface StoreCalls {
  /**
   * Runs a call.
   *
   * @param method The method of the store, for messages.
   * @param read Checks and copies the answer. Throws {@link Malformed} if the answer is invalid.
   */
  ask<T>(
    method: string,
    call: (signal: AbortSignal) => Promise<unknown>,
    read: (answer: unknown) => T,
  ): Promise<T>
  /** Runs a call like {@link ask}, for which {@link written} waits. */
  write: StoreCalls['ask']
  /** Resolves when the writes in flight have settled. */
  written(): Promise<unknown>
  /** Aborts all calls in flight. */
  end(): void
}

/** The answer of a store is invalid. The message says why. */
export class Malformed extends Error {}

/**
 * @param answered Called after each call that the store answered.
 * @param trace Publishes each call. Undefined if none does.
 */
export function createStoreCalls(
  deadlineMilliseconds: number,
  answered: () => void,
  trace: Trace<StoreMessage> | undefined,
): StoreCalls {
  const calls = new Set<AbortController>()
  const writes = new Set<Promise<unknown>>()

  const ask: StoreCalls['ask'] = (method, call, read) =>
    trace?.isHeard
      ? trace.run({ operation: method }, () => askStore(method, call, read))
      : askStore(method, call, read)

  const askStore: StoreCalls['ask'] = async (method, call, read) => {
    const controller = new AbortController()
    calls.add(controller)
    try {
      const outcome = await withTimeout(
        deadlineMilliseconds,
        'store_unavailable',
        'The store failed',
        () => answerOf(method, () => call(controller.signal), read),
      )
      answered()
      if ('error' in outcome) throw outcome.error
      return outcome.value
    } catch (error) {
      // A late call continues until it is aborted.
      controller.abort()
      throw error
    } finally {
      calls.delete(controller)
    }
  }

  return {
    ask,
    async write(method, call, read) {
      const writing = ask(method, call, read)
      writes.add(writing)
      try {
        return await writing
      } finally {
        writes.delete(writing)
      }
    },
    written: () => Promise.allSettled(writes),
    end() {
      for (const call of calls) call.abort()
    },
  }
}

// Only this function reads an answer, so that an answer that throws is `store_malformed`. Returns
// the copy that `read` makes: resolving a promise with the answer itself would read `then` again.
async function answerOf<T>(
  method: string,
  call: () => Promise<unknown>,
  read: (answer: unknown) => T,
): Promise<{ value: T } | { error: TwinkeyError }> {
  let answer: unknown
  try {
    answer = await call()
  } catch (error) {
    throw redactError(error)
  }
  try {
    return { value: read(answer) }
  } catch (error) {
    return {
      error:
        error instanceof Malformed
          ? malformed(method, error.message)
          : malformed(method, 'it cannot be read', redactError(error)),
    }
  }
}

function malformed(method: string, problem: string, cause?: unknown): TwinkeyError {
  const message = `The store returned an invalid answer to ${method}: ${problem}.`
  return new TwinkeyError('store_malformed', message, cause === undefined ? undefined : { cause })
}
