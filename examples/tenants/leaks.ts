import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'

/** The log of a PostgreSQL of this machine, and everything that it has in files. */
export async function filesOf(connectionString: string): Promise<{ log: string; data: string }> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query('checkpoint')
  const folder: string = (await client.query('show data_directory')).rows[0].data_directory
  await client.end()
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  const data = files
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('\n')
  return { log: readFileSync(join(dirname(folder), 'log'), 'utf8'), data }
}

/**
 * Prints how many secrets stand in a text, and how often something that must be there does: or else
 * it would be the wrong text.
 */
export function search(
  place: string,
  text: string,
  secrets: readonly string[],
  known: string,
): void {
  // Sixteen characters out of the random part of each.
  const found = secrets.filter((secret) => text.includes(secret.slice(-24, -8)))
  const about = text.includes(known) ? 'which names the key' : 'which does not name the key'
  console.log(`  ${found.length} of ${secrets.length} in ${place}, ${about}`)
}
