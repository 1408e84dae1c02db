import { type ErrorCode, messageOf, TwinkeyError } from '../model/error.ts'

/**
 * Waits for work, but no longer than that. Late work goes on: ending it is up to the caller.
 *
 * @returns The result, or undefined where it is late.
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
 * Runs a call to something that the application plugged in. A call that throws, or is not answered
 * in time, is a fault of that code.
 *
 * @param what That it failed: the message goes on with why.
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
