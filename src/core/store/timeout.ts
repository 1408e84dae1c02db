import { type ErrorCode, messageOf, TwinkeyError } from '../model/error.ts'

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}

/**
 * Runs work later. Does not keep the process alive for it.
 *
 * @returns A function that cancels it.
 */
export function later(milliseconds: number, work: () => void): () => void {
  const timer = setTimeout(work, milliseconds)
  // A browser and some runtimes have a number here.
  if (typeof timer === 'object') timer.unref?.()
  return () => clearTimeout(timer)
}

/**
 * Waits for work up to a limit. Does not cancel late work.
 *
 * @returns The result, or undefined after the limit.
 */
export async function unlessLate<T>(
  milliseconds: number,
  work: Promise<T>,
): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Calls a plug-in of the application. Does not cancel a late call.
 *
 * @param what The beginning of the message, like `The store failed`.
 * @throws {@link TwinkeyError} with `code` if the call throws or exceeds the limit.
 */
export async function withTimeout<T>(
  milliseconds: number,
  code: ErrorCode,
  what: string,
  call: () => Promise<T> | T,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds)
  })
  try {
    return await Promise.race([call(), late])
  } catch (cause) {
    throw new TwinkeyError(code, `${what}: ${messageOf(cause)}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
