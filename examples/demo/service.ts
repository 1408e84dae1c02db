import {
  createTwinkey,
  generateSigningKey,
  type KeyStore,
  type Twinkey,
  type TwinkeyEvent,
} from 'twinkey'
import { ADOPTED_LENGTH } from './adoption.ts'
import type { Users } from './users.ts'

/** What secrets of the demo begin with. */
export const PREFIX = 'demo'

/** The one Twinkey of the demo, for all products: which environments, which signing key. */
export async function createService(
  store: KeyStore,
  users: Users,
  onEvent: (event: TwinkeyEvent) => void,
): Promise<Twinkey> {
  return createTwinkey({
    store,
    prefixes: [PREFIX],
    environments: ['Production', 'Test'],
    // A real service keeps its signing key with its other secrets, so that tokens outlive a
    // restart.
    tokens: {
      issuer: 'https://api.example.com',
      audience: 'https://api.example.com',
      signingKeys: [await generateSigningKey()],
    },
    ownerScope: users.reach,
    importedSecrets: [{ algorithm: 'sha-256', ...ADOPTED_LENGTH }],
    onEvent,
  })
}
