/** Secrets from the environment that sample keys use instead of new ones. */
export interface Adoption {
  readonly secrets: { readonly [product in AdoptingProduct]?: string }
  /** The tenant of the sample key of Boomi Flow. */
  readonly flowTenant: string
}

export type AdoptingProduct = keyof typeof VARIABLES

/** The length of an adopted secret, in characters. */
export const ADOPTED_LENGTH = { minLength: 19, maxLength: 256 } as const
/** The minimum entropy of an adopted secret, so that its plain digest protects it. */
export const ADOPTED_ENTROPY_BITS = 112

const VARIABLES = {
  flare: 'FLARE_API_KEY',
  boomiFlow: 'FLOW_API_KEY',
  flowgear: 'FLOWGEAR_KEY',
} as const
const TENANT_VARIABLE = 'FLOW_TENANT_ID'
// The tenant in the vendor's example. It is not a UUID.
const DEFAULT_FLOW_TENANT = 'b70ef1d6-edc9-4481-94b9-d81g126e32d1'
const FEWEST_CHARACTERS = 8

/**
 * Reads the secrets to adopt.
 *
 * @param prefix The prefix of the demo's own secrets.
 * @throws Error that names the variable but not its value.
 */
export function readAdoption(env: NodeJS.ProcessEnv, prefix: string): Adoption {
  const secrets: Record<string, string> = {}
  const holders = new Map<string, string>()
  for (const [product, variable] of Object.entries(VARIABLES)) {
    const secret = env[variable]
    if (secret === undefined || secret === '') continue
    const problem =
      secretProblem(secret, prefix) ??
      (holders.has(secret) ? `must not be the same as ${holders.get(secret)}` : undefined)
    if (problem !== undefined)
      throw new Error(`${variable} cannot be adopted: it ${problem}. Unset it to use a new key.`)
    holders.set(secret, variable)
    secrets[product] = secret
  }
  const flowTenant = env[TENANT_VARIABLE] || DEFAULT_FLOW_TENANT
  if (!/^[!-+\--~]{1,128}$/.test(flowTenant))
    throw new Error(
      `${TENANT_VARIABLE} must be 1 to 128 visible ASCII characters without a comma. Unset it to use the tenant of the demo.`,
    )
  return { secrets, flowTenant }
}

function secretProblem(secret: string, prefix: string): string | undefined {
  if (!/^[!-+\--~]+$/.test(secret))
    return 'must be visible ASCII characters without spaces and commas'
  if (secret.length > ADOPTED_LENGTH.maxLength)
    return `must have at most ${ADOPTED_LENGTH.maxLength} characters`
  if (secret.startsWith(`${prefix}_`))
    return `must not begin with "${prefix}_", the prefix of the demo's own secrets`
  if (secret.length < ADOPTED_LENGTH.minLength || isWeak(secret))
    return `is too weak: use at least ${ADOPTED_ENTROPY_BITS} random bits, like the output of "openssl rand -hex 32"`
  return undefined
}

// One string says little about its generator, but enough to reject placeholders and passwords.
function isWeak(secret: string): boolean {
  const [, unit = secret] = /^(.+?)\1+$/.exec(secret) ?? []
  const steps = [...secret]
    .slice(1)
    .map((character, i) => character.charCodeAt(0) - secret.charCodeAt(i))
  const mostFrequent = Math.max(
    ...steps.map((step) => steps.filter((other) => other === step).length),
  )
  const isSeries = mostFrequent > steps.length / 2
  return (
    isSeries ||
    new Set(secret).size < FEWEST_CHARACTERS ||
    unit.length * Math.log2(alphabetOf(unit)) < ADOPTED_ENTROPY_BITS
  )
}

function alphabetOf(text: string): number {
  if (/^[0-9a-f]+$/i.test(text)) return /[a-f]/i.test(text) ? 16 : 10
  const kinds: [RegExp, number][] = [
    [/[0-9]/, 10],
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[^0-9A-Za-z]/, 2],
  ]
  return kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0)
}
