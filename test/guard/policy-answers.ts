const NETWORK = 'The credential is not valid from this network.'
const QUOTA = 'The key has used up its limit of requests. Try again later.'
const PLAN = 'Exports need the plan Pro.'
const NOT_FOUND = { Message: 'Not Found' }
const problem = (status: number, title: string, detail: string, code: string) => ({
  title,
  status,
  detail,
  code,
})

/**
 * Status and body of each refusal by a policy, by profile. Written out, not computed: callers depend
 * on them.
 */
export const REFUSED: Readonly<
  Record<string, Readonly<Record<string, readonly [number, object]>>>
> = {
  standard: {
    network: [403, problem(403, 'Forbidden', NETWORK, 'network_denied')],
    quota: [429, problem(429, 'Too Many Requests', QUOTA, 'quota_exceeded')],
    plan: [403, problem(403, 'Forbidden', PLAN, 'plan_required')],
  },
  'boomi-flow': {
    network: [403, { code: 'network_denied', message: NETWORK }],
    quota: [429, { code: 'quota_exceeded', message: QUOTA }],
    plan: [403, { code: 'plan_required', message: PLAN }],
  },
  flare: {
    network: [403, { error: { code: 'NETWORK_DENIED', message: NETWORK } }],
    quota: [429, { error: { code: 'RATELIMIT_REACHED', message: 'ratelimit reached' } }],
    plan: [403, { error: { code: 'PLAN_REQUIRED', message: PLAN } }],
  },
  flowgear: {
    network: [404, NOT_FOUND],
    quota: [429, { Message: QUOTA }],
    plan: [404, NOT_FOUND],
  },
}
