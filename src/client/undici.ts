import { isRepeatable } from './body.ts'
import type { Credentials } from './credentials.ts'
import type { Grant } from './exchange.ts'

// The parts of undici's types that are used.

/** The request of a dispatcher. */
export interface UndiciRequest {
  readonly origin?: string | URL | undefined
  readonly path?: string
  readonly headers?: unknown
  readonly body?: unknown
  readonly signal?: unknown
}

/** Controls the response of a dispatcher. */
export interface UndiciController {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/** The handler of a response, which a dispatcher calls. */
export interface UndiciHandler {
  onRequestStart?(controller: UndiciController, context: unknown): void
  onRequestUpgrade?(controller: UndiciController, ...rest: never[]): void
  onResponseStart?(controller: UndiciController, status: number, ...rest: never[]): void
  onResponseData?(controller: UndiciController, chunk: never): void
  onResponseEnd?(controller: UndiciController, trailers: never): void
  onResponseError?(controller: UndiciController, error: Error): void
}

/** An interceptor for `compose` of a dispatcher. */
export type UndiciInterceptor = <R extends UndiciRequest, H extends UndiciHandler>(
  dispatch: (request: R, handler: H) => boolean,
) => (request: R, handler: H) => boolean

/** Creates the interceptor. A redirect that an outer interceptor follows is a new request here. */
export function createUndiciInterceptor(credentials: Credentials): UndiciInterceptor {
  return (dispatch) => (request, handler) => {
    if (!credentials.isAllowed(originOf(request))) return dispatch(request, handler)
    const canRepeat = isRepeatable(request.body)
    const signal = request.signal instanceof AbortSignal ? request.signal : undefined
    const send = (grant: Grant, observer: UndiciHandler) =>
      dispatch(
        { ...request, headers: withToken(request.headers, grant) },
        observer as typeof handler,
      )
    const first = (grant: Grant) => {
      const renew = () => credentials.afterRefusal(grant, canRepeat ? signal : undefined)
      const repeat = (next: Grant) => send(next, handler)
      return send(grant, observing(handler, canRepeat, renew, repeat))
    }
    const given = credentials.grant(!canRepeat, signal)
    if ('token' in given) return first(given)
    given.then(first).catch((error) => handler.onResponseError?.(NO_CONTROLLER, error))
    return true
  }
}

// For an error before the request was sent.
const NO_CONTROLLER: UndiciController = { abort() {}, pause() {}, resume() {} }

function originOf({ origin }: UndiciRequest): URL {
  if (origin === undefined)
    throw new TypeError(
      'The dispatcher does not say which origin it calls. Compose the interceptor on an Agent, not on a Client or a Pool.',
    )
  return new URL(String(origin))
}

/** Passes all events to the caller's handler, except a 401 after which the request is repeated. */
function observing(
  handler: UndiciHandler,
  canRepeat: boolean,
  renew: () => Promise<Grant | undefined>,
  repeat: (next: Grant) => unknown,
): UndiciHandler {
  let isDropped = false
  // The events during a renewal. The connection of the 401 may end in the meantime.
  let held: (() => void)[] | undefined
  const hand = (event: () => void) => {
    if (held !== undefined) held.push(event)
    else if (!isDropped) event()
  }
  // Ends the connection of the 401, whose body may be of any size.
  const drop = (controller: UndiciController, reason: Error) => {
    isDropped = true
    held = undefined
    controller.abort(reason)
  }
  const release = (controller: UndiciController) => {
    const events = held ?? []
    held = undefined
    for (const event of events) event()
    controller.resume()
  }
  const decide = (controller: UndiciController, next: Grant | undefined) => {
    if (next === undefined) return release(controller)
    drop(controller, new Error('The request is repeated with another token.'))
    repeat(next)
  }
  return {
    onRequestStart: (...args) => handler.onRequestStart?.(...args),
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart(controller, status, ...rest) {
      const start = () => handler.onResponseStart?.(controller, status, ...rest)
      if (status !== 401) return start()
      const renewal = renew()
      if (!canRepeat) {
        renewal.catch(() => {})
        return start()
      }
      controller.pause()
      held = [start]
      renewal
        .then((next) => decide(controller, next))
        .catch((error) => {
          drop(controller, error)
          handler.onResponseError?.(controller, error)
        })
    },
    onResponseData: (...args) => hand(() => handler.onResponseData?.(...args)),
    onResponseEnd: (...args) => hand(() => handler.onResponseEnd?.(...args)),
    onResponseError: (...args) => hand(() => handler.onResponseError?.(...args)),
  }
}

/** Copies headers of any form that undici takes, with the token in place of any other Authorization. */
function withToken(headers: unknown, { authorization }: Grant): Record<string, string | string[]> {
  const copy: Record<string, string | string[]> = {}
  for (const [name, value] of entriesOf(headers)) {
    if (name.toLowerCase() === 'authorization' || value === undefined) continue
    const known = Object.hasOwn(copy, name) ? copy[name] : undefined
    copy[name] = known === undefined ? value : [known, value].flat()
  }
  copy['authorization'] = authorization
  return copy
}

type Entry = readonly [name: string, value: string | string[] | undefined]

function entriesOf(headers: unknown): readonly Entry[] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!(Symbol.iterator in headers)) return Object.entries(headers)
  const list = [...(headers as Iterable<Entry | string>)]
  if (typeof list[0] !== 'string') return list as Entry[]
  // Names and values in turn.
  return list.flatMap((name, index) =>
    index % 2 === 0 ? [[String(name), list[index + 1]] as unknown as Entry] : [],
  )
}
