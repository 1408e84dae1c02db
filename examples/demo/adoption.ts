/** The secrets that the environment gives for sample keys, instead of new ones. */
export interface Adoption {
  readonly secrets: { readonly [product in AdoptingProduct]?: string }
  /** The tenant of the sample key of Boomi Flow. */
  readonly flowTenant: string
}

export type AdoptingProduct = keyof typeof VARIABLES

/** How long an adopted secret may be, in characters. */
export const ADOPTED_LENGTH = { minLength: 19, maxLength: 256 } as const
/** What an adopted secret must have at least for its plain digest to keep it. */
export const ADOPTED_ENTROPY_BITS = 112

const VARIABLES = {
  flare: 'FLARE_API_KEY',
  boomiFlow: 'FLOW_API_KEY',
  flowgear: 'FLOWGEAR_KEY',
} as const
const TENANT_VARIABLE = 'FLOW_TENANT_ID'
// The tenant of the vendor's own example, which is no UUID.
const DEFAULT_FLOW_TENANT = 'b70ef1d6-edc9-4481-94b9-d81g126e32d1'
const FEWEST_CHARACTERS = 8

/**
 * Reads which secrets are to be adopted.
 *
 * @param prefix What the demo's own secrets begin with.
 * @throws Error that names the variable and not its value.
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
      throw new Error(
        `${variable} cannot be adopted: it ${problem}. Leave it out for a key of the demo's own.`,
      )
    holders.set(secret, variable)
    secrets[product] = secret
  }
  const flowTenant = env[TENANT_VARIABLE] || DEFAULT_FLOW_TENANT
  if (!/^[!-+\--~]{1,128}$/.test(flowTenant))
    throw new Error(
      `${TENANT_VARIABLE} must be 1 to 128 visible ASCII characters without a comma. Leave it out for that of the demo.`,
    )
  return { secrets, flowTenant }
}

function secretProblem(secret: string, prefix: string): string | undefined {
  if (!/^[!-+\--~]+$/.test(secret))
    return 'must be visible ASCII characters without spaces and commas'
  if (secret.length > ADOPTED_LENGTH.maxLength)
    return `must have at most ${ADOPTED_LENGTH.maxLength} characters`
  if (secret.startsWith(`${prefix}_`))
    return `must not begin with "${prefix}_", as the demo's own do`
  if (secret.length < ADOPTED_LENGTH.minLength || isWeak(secret))
    return `is too weak: give at least ${ADOPTED_ENTROPY_BITS} random bits, like those of "openssl rand -hex 32"`
  return undefined
}

// What can be told of a generator by one of its strings: not much, but enough to turn placeholders
// and passwords away.
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
