import type { Principal } from '../../src/index.ts'
import { bodyTarget, tokenRequestTarget } from './fuzz-bodies.ts'
import { credentialTarget, headerTarget } from './fuzz-fields.ts'
import { queryTarget } from './fuzz-queries.ts'
import { authenticateTarget, exchangeTarget, verifyTarget } from './fuzz-requests.ts'
import type { Target } from './fuzz-run.ts'
import type { FuzzScene } from './fuzz-scene.ts'
import { scopeTarget } from './fuzz-scopes.ts'
import { patternTarget, secretTarget } from './fuzz-secrets.ts'
import { issuerTarget, tokenTarget } from './fuzz-tokens.ts'

const HOLDER: Principal = {
  keyId: 'key',
  name: 'holder',
  username: undefined,
  owner: null,
  metadata: {},
  slot: 'primary',
  via: 'secret',
  expiresAt: null,
  tenant: undefined,
  environment: undefined,
  workflow: undefined,
  scope: { tenants: '*', environments: '*', workflows: '*' },
}

/** Everything that reads what a caller sends: parts first, then what contains them. */
export function fuzzTargets(scene: FuzzScene): readonly Target[] {
  const { profiles, twinkey } = scene
  return [
    secretTarget(scene),
    patternTarget(scene),
    tokenTarget(scene),
    issuerTarget(scene),
    ...profiles.map((profile) => credentialTarget(scene, profile)),
    headerTarget(),
    queryTarget(scene),
    scopeTarget(),
    bodyTarget(),
    // The other profiles use that of the standard one.
    ...profiles
      .filter(({ name }) => name === 'standard' || name === 'flare')
      .map((profile) => tokenRequestTarget(profile, HOLDER)),
    ...profiles.map((profile) => authenticateTarget(scene, profile, twinkey)),
    verifyTarget(scene, twinkey),
    ...profiles.map((profile) => exchangeTarget(scene, profile, twinkey)),
  ]
}
