// The only Twinkey of a process, over the PostgreSQL of the deployment. All secrets come from the
// environment.
import pg from 'pg'
import { createTwinkey } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'

function need(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`Set ${name}`)
  return value
}

const connectionString = need('DATABASE_URL')
const pool = new pg.Pool({ connectionString }).on('error', (error) =>
  console.error('pool:', error.message),
)
const store = postgresStore(pool, { listen: () => new pg.Client({ connectionString }) })
await store.migrate()

export const twinkey = createTwinkey({
  store,
  prefixes: ['crm'],
  environments: ['production'],
  pepper: { current: '2026', keys: { '2026': Buffer.from(need('PEPPER_2026'), 'base64') } },
  tokens: {
    issuer: 'https://crm.example',
    audience: 'https://crm.example',
    signingKeys: JSON.parse(need('SIGNING_KEYS')),
  },
  onEvent(event) {
    if (event.type !== 'access.allowed') console.log(JSON.stringify(event))
  },
})

/** Closes Twinkey before the pool, because Twinkey writes the last uses through the pool. */
export async function close(): Promise<void> {
  await twinkey.close()
  await pool.end()
}
