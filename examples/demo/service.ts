import {
  createTwinkey,
  generateSigningKey,
  type KeyStore,
  type Twinkey,
  type TwinkeyEvent,
} from 'twinkey'
import { ADOPTED_LENGTH } from './adoption.ts'
import { RESOURCE_PATH } from './oauth.ts'
import type { Users } from './users.ts'

/** The prefix of the demo's secrets. */
export const PREFIX = 'demo'

/**
 * Creates the only Twinkey of the demo, for all products.
 *
 * @param url The address of the server, which is the issuer and the audience of tokens.
 */
export async function createService(
  url: string,
  store: KeyStore,
  users: Users,
  onEvent: (event: TwinkeyEvent) => void,
): Promise<Twinkey> {
  return createTwinkey({
    store,
    prefixes: [PREFIX],
    environments: ['Production', 'Test'],
    resources: [`${url}${RESOURCE_PATH}`],
    // A real service stores its signing key with its other secrets, so tokens survive a restart.
    tokens: {
      issuer: url,
      audience: url,
      signingKeys: [await generateSigningKey()],
    },
    ownerScope: users.reach,
    importedSecrets: [{ algorithm: 'sha-256', ...ADOPTED_LENGTH }],
    onEvent,
  })
}
