import {
  type CreateKeyInput,
  denied,
  from,
  type Profile,
  type Refusal,
  rateLimited,
  type Twinkey,
  type TwinkeyEvent,
  type WireRequest,
} from 'twinkey'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import type { Route } from '../http/routes.ts'
import { createBench } from '../support/bench.ts'
import type { Clock } from '../support/clock.ts'
import { type CountingLimiter, countingLimiter } from '../support/counting-limiter.ts'

type Field = readonly [string, string]

/** A profile, and how a client of it sends a credential. */
export const PROFILES: Readonly<
  Record<string, { readonly profile: Profile; field(credential: string): Field }>
> = {
  standard: { profile: standard(), field: (text) => ['authorization', `Bearer ${text}`] },
  'boomi-flow': { profile: boomiFlow(), field: (text) => ['x-boomi-flow-api-key', text] },
  flare: {
    profile: flare({ account: () => undefined }),
    field: (text) => ['authorization', `Bearer ${text}`],
  },
  flowgear: { profile: flowgear(), field: (text) => ['authorization', `Key=${text}`] },
}

/** The header that says what `authorize` of a route does. */
export const ANSWER = 'x-answer'
const FORGED: unknown = Object.defineProperty(
  { code: 'workflow_denied', detail: 'Made by another copy.', axis: 'workflow' },
  Symbol.for('twinkey.refusal'),
  { value: () => ({}) },
)

/** What `authorize` answers, by the header of the request. */
export const ANSWERS: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  'a promise of nothing': async () => undefined,
  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
  'a thenable of nothing': () => ({ then: (done: (value: unknown) => void) => done(undefined) }),
  denied: () => denied('plan_required', 'Exports need the plan Pro.'),
  'a promise of denied': async () => denied('plan_required', 'Exports need the plan Pro.'),
  rateLimited: () => rateLimited(3),
  'a refusal of another copy': () => FORGED,
  false: () => false,
  true: () => true,
  null: () => null,
  'a promise of false': async () => false,
  'a promise of true': async () => true,
  'a response': () => new Response(null, { status: 200 }),
  'an object like a refusal': () => ({ code: 'denied', detail: 'no' }),
  throws: () => {
    throw new Error('the plans are down')
  },
  rejects: async () => {
    throw new Error('the plans are down')
  },
}

function authorize(_principal: unknown, request: WireRequest) {
  const answer = ANSWERS[request.header(ANSWER) ?? 'nothing'] as () => Refusal | undefined
  return answer()
}

const ROUTES = [
  ['', {}],
  ['/free', { cost: 0 }],
  ['/double', { cost: 2 }],
  ['/huge', { cost: 1000 }],
  ['/own', { authorize }],
] as const

/** Each route in each profile: `/standard`, `/standard/free` and so on. */
export const policyRoutes: readonly Route[] = Object.entries(PROFILES).flatMap(
  ([name, { profile }]) =>
    ROUTES.map(([path, requirement]) => ({
      method: 'GET' as const,
      path: `/${name}${path}`,
      requirement: { anyTarget: true, profile, ...requirement },
      answer: () => ({ in: true }),
    })),
)

const SCOPE = { tenants: ['t1'], workflows: '*' } as const
const MINUTE = { requests: 3, perSeconds: 60 } as const
const INPUTS = {
  plain: {},
  local: { networks: ['127.0.0.0/8'] },
  office: { networks: ['192.0.2.0/24', '2001:db8::/32'] },
  limited: { limits: [MINUTE] },
  manyLimits: { limits: [{ name: 'burst', requests: 2, perSeconds: 10 }, MINUTE] },
} satisfies Record<string, Partial<CreateKeyInput>>
export type KeyName = keyof typeof INPUTS

/** A Twinkey whose keys have policies. The clock does not move by itself. */
export interface PolicyScene {
  readonly twinkey: Twinkey
  readonly clock: Clock
  readonly limiter: CountingLimiter
  readonly events: TwinkeyEvent[]
  readonly ids: Readonly<Record<KeyName, string>>
  readonly secrets: Readonly<Record<KeyName, string>>
  readonly tokens: Readonly<Record<KeyName, string>>
}

/** @param addressHeader The header that names the client. Default: none, so the framework does. */
export async function createPolicyScene(addressHeader?: string): Promise<PolicyScene> {
  const limiter = countingLimiter()
  const { twinkey, clock, events } = createBench({
    limiter,
    ...(addressHeader && { clientAddress: from.header(addressHeader) }),
  })
  const made = await Promise.all(
    Object.entries<Partial<CreateKeyInput>>(INPUTS).map(async ([name, policies]) => {
      const input = { name, scope: SCOPE, tokens: true, ...policies }
      const { key, primary } = await twinkey.keys.create(input)
      const issued = await twinkey.tokens.issue(primary, {}, { address: addressIn(policies) })
      if (!issued.ok) throw new Error(issued.refusal.code)
      return [name, key.id, primary, issued.token] as const
    }),
  )
  const column = (index: 1 | 2 | 3) =>
    Object.fromEntries(made.map((row) => [row[0], row[index]])) as Record<KeyName, string>
  // Past every window in which the exchange was counted.
  clock.advance(60_000)
  limiter.charges.length = 0
  events.length = 0
  return {
    twinkey,
    clock,
    limiter,
    events,
    ids: column(1),
    secrets: column(2),
    tokens: column(3),
  }
}

function addressIn({ networks }: Partial<CreateKeyInput>): string | undefined {
  return networks?.[0]?.split('/')[0]
}
