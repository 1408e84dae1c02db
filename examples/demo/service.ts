import {
  createTwinkey,
  generateSigningKey,
  type KeyStore,
  type Twinkey,
  type TwinkeyEvent,
} from 'twinkey'
import { ADOPTED_LENGTH } from './adoption.ts'
import type { Users } from './users.ts'

/** The prefix of the demo's secrets. */
export const PREFIX = 'demo'

/** Creates the only Twinkey of the demo, for all products. */
export async function createService(
  store: KeyStore,
  users: Users,
  onEvent: (event: TwinkeyEvent) => void,
): Promise<Twinkey> {
  return createTwinkey({
    store,
    prefixes: [PREFIX],
    environments: ['Production', 'Test'],
    // A real service stores its signing key with its other secrets, so tokens survive a restart.
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
