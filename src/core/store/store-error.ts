const NOT_WRITTEN = 'not_written'

/**
 * Makes the error for a store to throw if it knows that nothing was written and never will be. The
 * caller of Twinkey then gets `store_unavailable`, never `outcome_unknown`. Only the `code`
 * `'not_written'` matters, so that stores of other packages can throw it too.
 *
 * @param message What failed, without the record, a digest or a secret.
 * @param cause The error of the database.
 */
export function notWritten(message: string, cause: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: NOT_WRITTEN })
}

/** Whether the cause of an error says that the store wrote nothing. */
export function isNotWritten(error: unknown): boolean {
  return ((error as Error).cause as { code?: unknown } | undefined)?.code === NOT_WRITTEN
}

const MAX_CAUSES = 5
// Digests, secrets and parts of tokens, in any base64 alphabet. Ids are shorter.
const LONG = 40
const WORD_IN_TEXT = /([A-Za-z0-9+/_-]+)(?:==?)?/g
// Without the slash, because paths are long.
const WORD_IN_FRAME = /([A-Za-z0-9+_-]+)(?:==?)?/g
const FRAME = /^ {4}at /

/**
 * Copies a thrown value so that it is safe to show: name, code, message, stack frames and causes,
 * with anything that may be a digest redacted. Drops other members: drivers put input there, like
 * the arguments of a command or the rejected row.
 */
export function redactError(thrown: unknown, depth = 1): unknown {
  try {
    if (typeof thrown === 'string' || typeof thrown === 'symbol')
      return redacted(String(thrown), WORD_IN_TEXT)
    if (typeof thrown === 'function') return new Error('The store threw a function.')
    if (typeof thrown !== 'object' || thrown === null) return thrown
    const { name, message, code, stack, cause } = thrown as Partial<
      Record<keyof Error | 'code', unknown>
    >
    const shown = new Error(redacted(text(message), WORD_IN_TEXT))
    const called = redacted(text(name) || 'Error', WORD_IN_TEXT)
    if (called !== shown.name) define(shown, 'name', called)
    if (typeof code === 'number' || typeof code === 'string')
      Object.assign(shown, { code: typeof code === 'number' ? code : redacted(code, WORD_IN_TEXT) })
    const frames = text(stack)
      .split('\n')
      .filter((line) => FRAME.test(line))
    define(
      shown,
      'stack',
      [
        `${called}: ${shown.message}`,
        ...frames.map((frame) => redacted(frame, WORD_IN_FRAME)),
      ].join('\n'),
    )
    if (cause !== undefined && depth < MAX_CAUSES)
      define(shown, 'cause', redactError(cause, depth + 1))
    return shown
  } catch {
    return new Error('The error of the store cannot be read.')
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function redacted(value: string, word: RegExp): string {
  return value.replace(word, (found, { length }: string) => (length < LONG ? found : '[redacted]'))
}

function define(error: Error, member: string, value: unknown): void {
  Object.defineProperty(error, member, { value, configurable: true, writable: true })
}
