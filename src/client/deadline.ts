import { ClientError } from './error.ts'

/**
 * Calls a function that must settle in time. The deadline also ends the wait for a function that
 * ignores its signal.
 *
 * @param ended Ends the wait with `client_closed`.
 * @param late Makes the error of the deadline.
 */
export async function withDeadline<T>(
  milliseconds: number,
  ended: AbortSignal,
  late: () => ClientError,
  call: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let stop = () => {}
  const stopped = new Promise<never>((_, reject) => {
    const end = (error: ClientError) => {
      reject(error)
      controller.abort()
    }
    const close = () => end(closedError())
    const timer = setTimeout(() => end(late()), milliseconds)
    ended.addEventListener('abort', close)
    stop = () => {
      clearTimeout(timer)
      ended.removeEventListener('abort', close)
    }
  })
  try {
    return await Promise.race([stopped, call(controller.signal)])
  } finally {
    stop()
  }
}

/** The error of a call after `close`. */
export function closedError(): ClientError {
  return new ClientError('client_closed', 'The client was closed.')
}
