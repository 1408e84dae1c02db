import { createTwinkey } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { sqliteStore } from 'twinkey/stores/sqlite'

const twinkey = createTwinkey()
export const guard = requireAuth(twinkey, { workflow: 'flows.read' })
export const stores = [sqliteStore]

export async function createKey(): Promise<boolean> {
  const scope = { tenants: ['t1'], workflows: ['flows.read'] }
  const { primary } = await twinkey.keys.create({ name: 'billing', scope })
  const verified = await twinkey.keys.verify(primary)
  return verified.ok && verified.key.name === 'billing'
}

if (require.main === module) createKey().then((worked) => console.log(worked))
