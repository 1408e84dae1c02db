/** The message of anything that was thrown, in the words of the command line. */
export function messageOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown }
  if (typeof message === 'string' && message !== '') return inCommands(message)
  return typeof code === 'string' ? code : 'The command failed, and the error has no message.'
}

// The stores name the method, which nobody can call in a terminal.
function inCommands(message: string): string {
  return message
    .replace(/\bCall migrate\(\)(?: of the store)?/, 'Run `npx twinkey migrate`')
    .replace(/\bcall migrate\(\)(?: of the store)?/, 'run `npx twinkey migrate`')
}
