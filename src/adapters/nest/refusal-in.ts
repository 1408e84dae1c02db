import type { ExecutionContext } from '@nestjs/common'
import type { WireAnswer } from '../../http/profile.ts'
import { bodyOf, fieldRefusal, KeyRefusedException } from './exception.ts'

/** Creates the exception of a refusal in a context: of a request, a message or a field. */
export function refusalIn(context: ExecutionContext, answer: WireAnswer): Error | Promise<Error> {
  const type = context.getType<string>()
  if (type === 'ws') return wsRefusal(answer)
  return type === 'http' ? new KeyRefusedException(answer) : fieldRefusal(answer)
}

/**
 * Creates the exception of a refused message. Its client receives the code of the refusal, or the
 * status if the profile shows no code.
 */
async function wsRefusal({ body, status }: WireAnswer): Promise<Error> {
  // Imported when it is needed, because applications without gateways do not have the package.
  const { WsException } = await import('@nestjs/websockets')
  return new WsException({ status: 'error', code: codeIn(bodyOf(body)) ?? String(status) })
}

function codeIn(body: unknown): string | undefined {
  const { code, error } = Object(body) as { code?: unknown; error?: unknown }
  if (typeof code === 'string') return code
  return error === undefined ? undefined : codeIn(error)
}
