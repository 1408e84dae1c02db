import { createTwinkey, generateSigningKey, type TwinkeyOptions } from 'twinkey'
import type { KeyStore } from 'twinkey/store'
import { memoryStore } from 'twinkey/stores/memory'

/** A request of a route for the workflow `flows.read`. */
export const requestWith = (credential?: string, headers: Record<string, string> = {}) =>
  new Request('https://api.example.com/flows', {
    headers: { ...headers, ...(credential && { authorization: `Bearer ${credential}` }) },
  })

/** A Twinkey over a store that a test can make fail. */
export async function createScene(options: TwinkeyOptions = {}) {
  const memory = memoryStore()
  const outage: { error?: Error } = {}
  const store: KeyStore = {
    ...memory,
    async get(id, signal) {
      if (outage.error) throw outage.error
      return memory.get(id, signal)
    },
  }
  const twinkey = createTwinkey({
    prefixes: ['acme'],
    store,
    tokens: { signingKeys: [await generateSigningKey()] },
    ...options,
  })
  const scope = { tenants: ['t1'], workflows: ['flows.read'] }
  const { key, primary } = await twinkey.keys.create({ name: 'billing', owner: 'ada', scope })
  const decide = (request: Request, workflow = 'flows.read') =>
    twinkey.authenticate(request, { workflow })
  return { twinkey, key, primary, outage, decide }
}
