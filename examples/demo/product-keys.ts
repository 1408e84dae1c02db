import { createHash } from 'node:crypto'
import type { CreateKeyInput, Keys } from 'twinkey'
import { ADOPTED_ENTROPY_BITS, type Adoption } from './adoption.ts'
import { FLOWGEAR_WORKFLOWS } from './routes-flowgear.ts'
import { FLARE_TENANTS, FLARE_USER, FLOW_USER } from './users.ts'

/** The sample keys of the products, in the form that their clients need. */
export interface ProductKeys {
  readonly boomiFlow: { readonly secret: string; readonly tenant: string }
  readonly flare: { readonly secret: string; readonly tenants: readonly number[] }
  /** `test` is a secret of another key, for the environment Test. */
  readonly flowgear: { readonly primary: string; readonly secondary: string; readonly test: string }
}

/** Creates the sample keys of the products, with adopted secrets or new ones. */
export async function createProductKeys(
  keys: Keys,
  { secrets, flowTenant }: Adoption,
): Promise<ProductKeys> {
  // A key of Boomi Flow belongs to one user and one tenant.
  const boomiFlow = await makeKey(
    keys,
    { name: 'API Key', owner: FLOW_USER, scope: { tenants: [flowTenant], workflows: '*' } },
    secrets.boomiFlow,
  )
  // A key of Flare has no tenants of its own: it reaches the current tenants of its user.
  const flare = await makeKey(
    keys,
    { name: 'flare', owner: FLARE_USER, scope: { tenants: '*', workflows: '*' } },
    secrets.flare,
  )
  // A key of Flowgear belongs to a site, one environment and the selected workflows.
  const site = (environment: string) => ({
    tenants: ['mycompany'],
    environments: [environment],
    workflows: FLOWGEAR_WORKFLOWS,
  })
  const production = await makeKey(
    keys,
    { name: 'crm', scope: site('Production') },
    secrets.flowgear,
  )
  const test = await makeKey(keys, { name: 'crm-test', scope: site('Test') }, undefined)
  return {
    boomiFlow: { secret: boomiFlow.primary, tenant: flowTenant },
    flare: { secret: flare.primary, tenants: FLARE_TENANTS },
    flowgear: { ...production, test: test.primary },
  }
}

interface Secrets {
  readonly primary: string
  readonly secondary: string
}

async function makeKey(
  keys: Keys,
  input: Omit<CreateKeyInput, 'secondary'>,
  adopted: string | undefined,
): Promise<Secrets> {
  if (adopted === undefined) {
    const { primary, secondary } = await keys.create(input)
    if (secondary === null) throw new Error(`The sample key ${input.name} has no secondary secret.`)
    return { primary, secondary }
  }
  const digest = createHash('sha256').update(adopted).digest('base64url')
  const primary = {
    digest,
    encoding: 'base64url',
    algorithm: 'sha-256',
    entropyBits: ADOPTED_ENTROPY_BITS,
  } as const
  const { id } = await keys.import({ ...input, primary: { ...primary, hint: adopted.slice(-4) } })
  return { primary: adopted, secondary: (await keys.renew(id, { slots: 'secondary' })).secondary }
}
