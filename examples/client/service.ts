// The service of the example: it calls the API with a key whose two secrets are in a file.
import { readFile } from 'node:fs/promises'
import { createClient } from 'twinkey/client'

/** The running service. */
export interface Service {
  /** Asks the API for the customers. */
  customers(): Promise<Response>
  stop(): void
}

/**
 * @param file One secret in each line, the primary one first.
 * @param now A clock in milliseconds. A real service leaves it out.
 */
export function startService(url: string, file: string, now: () => number): Service {
  const client = createClient({
    tokenUrl: `${url}/tokens`,
    secrets: async () => (await readFile(file, 'utf8')).trim().split('\n'),
    origins: [url],
    now,
    onFailover: ({ from, to }) =>
      console.log(`  The ${from} secret was refused. The ${to} secret is in use.`),
  })
  return {
    customers: () => client.fetch(`${url}/customers`),
    stop: () => client.close(),
  }
}
