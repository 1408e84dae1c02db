import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'

/** The log and the data files of a PostgreSQL on this machine. */
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

/** Prints how many secrets a text contains, and whether it contains the id `known`. */
export function search(
  place: string,
  text: string,
  secrets: readonly string[],
  known: string,
): void {
  // Sixteen characters from the random part of each secret.
  const found = secrets.filter((secret) => text.includes(secret.slice(-24, -8)))
  const about = text.includes(known) ? 'which names the key' : 'which does not name the key'
  console.log(`  ${found.length} of ${secrets.length} in ${place}, ${about}`)
}
