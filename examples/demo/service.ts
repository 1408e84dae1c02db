import { createTwinkey, generateSigningKey, memoryStore, type Twinkey, type TwinkeyEvent } from 'twinkey'

/** The Twinkey of the demo: which store, which environments, which signing key. */
export async function createService(onEvent: (event: TwinkeyEvent) => void): Promise<Twinkey> {
  return createTwinkey({
    store: memoryStore(),
    prefixes: ['demo'],
    environments: ['Production'],
    // A real service keeps its signing key with its other secrets, so that tokens outlive a restart.
    tokens: { issuer: 'https://api.example.com', audience: 'https://api.example.com', signingKeys: [await generateSigningKey()] },
    onEvent,
  })
}
