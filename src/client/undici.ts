import { isRepeatable } from './body.ts'
import type { Credentials } from './credentials.ts'

// The parts of undici's types that are used.

/** The request of a dispatcher. */
export interface UndiciRequest {
  readonly origin?: string | URL | undefined
  readonly path?: string
  readonly headers?: unknown
  readonly body?: unknown
}

/** Controls the response of a dispatcher. */
export interface UndiciController {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/** What a dispatcher tells about a response. */
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

/** Creates the interceptor. Each redirect that an outer interceptor follows comes here as a request. */
export function createUndiciInterceptor(credentials: Credentials): UndiciInterceptor {
  return (dispatch) => (request, handler) => {
    if (!credentials.isAllowed(originOf(request))) return dispatch(request, handler)
    const canRepeat = isRepeatable(request.body)
    const send = (token: string, observer: UndiciHandler) =>
      dispatch(
        { ...request, headers: withToken(request.headers, token) },
        observer as typeof handler,
      )
    const first = (token: string) =>
      send(token, observing(credentials, handler, canRepeat, token, send))
    const token = credentials.token(!canRepeat)
    if (typeof token === 'string') return first(token)
    token.then(first).catch((error) => handler.onResponseError?.(NO_CONTROLLER, error))
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

/** Hands everything on to the handler of the caller, except a 401 after which the request is repeated. */
function observing(
  credentials: Credentials,
  handler: UndiciHandler,
  canRepeat: boolean,
  token: string,
  send: (token: string, observer: UndiciHandler) => boolean,
): UndiciHandler {
  let isDropped = false
  const fail = (controller: UndiciController, error: Error) => {
    isDropped = true
    controller.abort(error)
    handler.onResponseError?.(controller, error)
  }
  // Drops the connection of the 401, whose body may be of any size.
  const repeat = (controller: UndiciController, next: string) => {
    isDropped = true
    controller.abort(new Error('The request is repeated with another token.'))
    send(next, handler)
  }
  return {
    onRequestStart: (...args) => handler.onRequestStart?.(...args),
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart(controller, status, ...rest) {
      const start = () => handler.onResponseStart?.(controller, status, ...rest)
      if (status !== 401) return start()
      const renewal = credentials.afterRefusal(token)
      if (!canRepeat) {
        renewal.catch(() => {})
        return start()
      }
      controller.pause()
      renewal
        .then((next) => {
          if (next !== undefined) return repeat(controller, next)
          start()
          controller.resume()
        })
        .catch((error) => fail(controller, error))
    },
    onResponseData: (...args) => isDropped || handler.onResponseData?.(...args),
    onResponseEnd: (...args) => isDropped || handler.onResponseEnd?.(...args),
    onResponseError: (...args) => isDropped || handler.onResponseError?.(...args),
  }
}

/** Copies headers of any form that undici takes, with the token in place of any other Authorization. */
function withToken(headers: unknown, token: string): Record<string, string | string[]> {
  const copy: Record<string, string | string[]> = {}
  for (const [name, value] of entriesOf(headers)) {
    if (name.toLowerCase() === 'authorization' || value === undefined) continue
    const known = Object.hasOwn(copy, name) ? copy[name] : undefined
    copy[name] = known === undefined ? value : [known, value].flat()
  }
  copy['authorization'] = `Bearer ${token}`
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
