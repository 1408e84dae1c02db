import { type ApiKey, hasValidChecksum, TwinkeyError } from '../../index.ts'
import type { Call } from '../command.ts'
import { usageError } from '../usage-error.ts'

const ID = /^[0-9A-Za-z_-]{1,64}$/

/** Checks the argument that is the id of a key. */
export function keyIdOf({ argument = '' }: Call): string {
  if (hasValidChecksum(argument))
    throw usageError(
      'The argument is a secret. Give the id of the key: the 16 characters after the prefix. Renew the secret if other people can read the history of this shell.',
    )
  if (!ID.test(argument))
    throw usageError('The argument must be the id of a key. `twinkey keys list` shows the ids.')
  return argument
}

/** Reads the key that the argument names. */
export async function requireKey(call: Call): Promise<ApiKey> {
  const id = keyIdOf(call)
  const key = await (await call.keyring()).get(id)
  if (key === undefined)
    throw new TwinkeyError(
      'key_not_found',
      'There is no key with this id. `twinkey keys list` shows the ids.',
    )
  return key
}
