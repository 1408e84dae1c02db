import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import type { WireAnswer } from '../../http/profile.ts'
import { type PlatformRequest, type PlatformResponse, respond } from './platform.ts'

/**
 * The exception of a refused request. {@link TwinkeyModule} answers it with the status, headers and
 * body of the profile, unless an exception filter of the application catches it first.
 * `getResponse()` is the body: parsed if it is JSON.
 */
export class KeyRefusedException extends HttpException {
  /** The answer in the profile of the route. */
  readonly answer: WireAnswer

  /** @param response What `getResponse()` returns. Default: the body of the answer. */
  constructor(answer: WireAnswer, response = bodyOf(answer.body)) {
    super(response, answer.status)
    this.answer = answer
  }
}

/**
 * Creates the exception of a refused field. GraphQL drivers report an exception as one of HTTP only
 * if its response has `statusCode`, and the message as that of the error.
 */
export function fieldRefusal(answer: WireAnswer): KeyRefusedException {
  const body = bodyOf(answer.body)
  if (typeof body === 'string') return new KeyRefusedException(answer)
  const { detail: message = 'The request is refused.' } = body
  return new KeyRefusedException(answer, { message, ...body, statusCode: answer.status })
}

/** The body of an answer: parsed if it is JSON. */
export function bodyOf(text: string): string | Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : text
  } catch {
    return text
  }
}

/** The headers of a refusal that stay if a filter of the application writes the body. */
export function challengeOf({ headers }: WireAnswer): [name: string, value: string][] {
  return Object.entries(headers).filter(
    (header): header is [string, string] =>
      typeof header[1] === 'string' && !['content-type', 'set-cookie'].includes(header[0]),
  )
}

/** Writes refusals. Other contexts than HTTP, such as GraphQL, report the exception themselves. */
export class KeyRefusedFilter implements ExceptionFilter<KeyRefusedException> {
  catch(exception: KeyRefusedException, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw exception
    const http = host.switchToHttp()
    respond(
      http.getRequest<PlatformRequest>(),
      http.getResponse<PlatformResponse>(),
      exception.answer,
    )
  }
}

// Called as functions, so that the build needs no decorators.
Catch(KeyRefusedException)(KeyRefusedFilter)
