import { requireMembers } from '../../core/model/options-checks.ts'

const PREFIX = /^[a-z][a-z0-9_]{0,39}$/

/**
 * Reads the table prefix of a store in SQLite, or in a database that is SQLite inside.
 *
 * @param store The name of the function that creates the store, for messages.
 * @throws TypeError or RangeError with what to do instead.
 */
export function sqlitePrefixOf(
  options: { readonly tablePrefix?: string | undefined },
  store: string,
): string {
  requireMembers(options, ['tablePrefix'], `The options of ${store}`)
  const { tablePrefix = 'twinkey' } = options
  if (typeof tablePrefix !== 'string') throw new TypeError('tablePrefix must be a string.')
  // SQLite reserves names that begin with sqlite_.
  if (!PREFIX.test(tablePrefix) || tablePrefix.startsWith('sqlite')) {
    throw new RangeError(
      'tablePrefix must be 1 to 40 lower-case letters, digits and "_", beginning with a letter, but not with "sqlite".',
    )
  }
  return tablePrefix
}
