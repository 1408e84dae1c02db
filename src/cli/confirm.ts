import type { Call } from './command.ts'
import { usageError } from './usage-error.ts'

/**
 * Asks before a change that cannot be undone.
 *
 * @param question What happens, as a question.
 * @returns Whether to go on.
 */
export async function confirm({ io, given }: Call, question: string): Promise<boolean> {
  if (given.has('yes')) return true
  requireAnswerable({ io, given })
  const answer = await io.ask(`${question} [y/N] `)
  const isYes = /^y(?:es)?$/i.test(answer.trim())
  if (!isYes) io.err.write('Nothing was changed.\n')
  return isYes
}

/** @throws A usage error if nobody can answer a question. Call it before anything else happens. */
export function requireAnswerable({ io, given }: Pick<Call, 'io' | 'given'>): void {
  if (!given.has('yes') && !io.isInteractive)
    throw usageError(
      'This change cannot be undone, and there is no terminal to ask on. Add --yes to make it without a question.',
    )
}
