import type { CreateKeyInput, Keys } from 'twinkey'
import type { Adoption } from './adoption.ts'
import { createProductKeys, type ProductKeys } from './product-keys.ts'

/** The secrets of a sample key, and the tenant that it reaches. */
export interface SampleKey {
  readonly primary: string
  readonly secondary: string
  readonly tenant: string
}

export type SampleName = keyof typeof SAMPLES

/** The sample keys of the standard convention and of the products, by name. */
export type SampleKeys = Readonly<Record<SampleName, SampleKey>> & ProductKeys

const TENANT = 'acme'
const SAMPLES = {
  standard: { about: 'reaches every workflow of its tenant', scope: {} },
  readOnly: { about: 'reaches customers.read only', scope: { workflows: ['customers.read'] } },
  test: {
    about: 'reaches the environment Test, but these routes are for Production',
    scope: { environments: ['Test'] },
  },
  disabled: { about: 'is disabled', scope: {} },
} satisfies Record<string, { about: string; scope: Partial<CreateKeyInput['scope']> }>

export const SAMPLE_NAMES = Object.keys(SAMPLES) as SampleName[]

/** Describes a sample key. */
export function aboutSample(name: SampleName): string {
  return SAMPLES[name].about
}

/** Creates the sample keys. */
export async function createSampleKeys(keys: Keys, adoption: Adoption): Promise<SampleKeys> {
  const created = SAMPLE_NAMES.map(async (name) => {
    const scope = { tenants: [TENANT], workflows: '*' as const, ...SAMPLES[name].scope }
    const { key, primary, secondary } = await keys.create({ name, owner: 'demo', scope })
    if (secondary === null) throw new Error(`The sample key ${name} has no secondary secret.`)
    if (name === 'disabled') await keys.disable(key.id)
    return [name, { primary, secondary, tenant: TENANT }] as const
  })
  const standard = Object.fromEntries(await Promise.all(created)) as Readonly<
    Record<SampleName, SampleKey>
  >
  return { ...standard, ...(await createProductKeys(keys, adoption)) }
}
