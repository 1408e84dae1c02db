import { type FaultCode, reasonOf, TwinkeyError } from './fault.ts'

/**
 * Runs a call to something that the application plugged in. A call that throws, or is not answered in time, is a fault of that code.
 *
 * @param what That it failed: the message goes on with why.
 */
export async function within<T>(milliseconds: number, code: FaultCode, what: string, call: () => Promise<T> | T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds)
  })
  try {
    return await Promise.race([call(), late])
  } catch (cause) {
    throw new TwinkeyError(code, `${what}: ${reasonOf(cause)}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
