import { denied, type Principal, type Refusal, type TwinkeyOptions } from 'twinkey'
import { checkedRequirement } from '../../../src/guard/requirement.ts'
import { createBench } from '../../support/bench.ts'
import { countingLimiter } from '../../support/counting-limiter.ts'
import { codeOf, sent } from '../../support/sent.ts'

const SCOPE = { tenants: ['t'], workflows: ['w'] } as const
export const LIMITS = [{ requests: 2, perSeconds: 60 }] as const
export const INSIDE = '192.0.2.7'
export const NETWORKS = ['192.0.2.0/24']
export const PLAN = denied('plan_required', 'Needs the plan Pro.')

/** A key with policies on a warm cache, and what its policies were asked. */
export async function createPolicyScene(
  policies: { limits?: typeof LIMITS | []; networks?: string[] } = { limits: LIMITS },
  options: TwinkeyOptions = {},
) {
  const limiter = countingLimiter()
  const asked: string[] = []
  const authorized: Principal[] = []
  let answer: () => Refusal | undefined | Promise<Refusal | undefined> = () => undefined
  const bench = createBench({
    limiter: {
      ...limiter,
      consume(charge) {
        asked.push('limits')
        return limiter.consume(charge)
      },
    },
    clientAddress: (request) => {
      asked.push('address')
      return request.peer
    },
    ...options,
  })
  const requirement = checkedRequirement(
    {
      tenant: ({ header }) => header('x-tenant'),
      workflow: 'w',
      authorize(principal) {
        asked.push('authorize')
        authorized.push(principal)
        return answer()
      },
    },
    bench.twinkey,
  )
  const input = { name: 'n', owner: 'ada', scope: SCOPE, ...policies }
  const { key, primary } = await bench.twinkey.keys.create(input)
  await bench.twinkey.keys.verify(primary, { networks: 'not checked here' })
  bench.events.length = 0
  const request = (peer: string | undefined = INSIDE, tenant = 't') => ({
    ...sent({ credential: primary, tenant }),
    ...(peer === '' ? {} : { peer }),
  })
  const decide = (peer?: string, tenant?: string) =>
    bench.twinkey.decide(request(peer, tenant), requirement)
  return {
    ...bench,
    limiter,
    asked,
    authorized,
    key,
    primary,
    requirement,
    request,
    decide,
    verdict: async (peer?: string, tenant?: string) => codeOf(await decide(peer, tenant)),
    answers: (given: typeof answer) => {
      answer = given
    },
    access: () =>
      bench.events.flatMap((event) =>
        event.type === 'access.allowed' || event.type === 'access.refused' ? [event] : [],
      ),
  }
}
