import type { JWK } from 'jose'
import type { Decision, Requirement, TokenRequest, Twinkey, TwinkeyEvent } from 'twinkey'
import { createVerifier, type Verifier, type VerifierOptions } from 'twinkey/verifier'
import { CheckedRequirement } from '../../src/guard/requirement.ts'
import { AUDIENCE, type Bench, createBench, ISSUER } from '../support/bench.ts'
import { anyTarget, byHeaders, codeOf, type Sent, sent } from '../support/sent.ts'

/** A service that has only the public keys of a bench, and requests them from a test. */
export interface Service {
  readonly bench: Bench
  readonly verifier: Verifier
  readonly events: TwinkeyEvent[]
  /** Another service that requests them from the same test. */
  another(options?: Partial<VerifierOptions>): Verifier
  /** Sets what is published from now on. Undefined removes it. */
  publish(set: { keys: JWK[] } | undefined): void
  /** How often the published keys were requested. */
  asked(): number
  /** A token of a new key. */
  mint(
    request?: TokenRequest & { owner?: string; by?: Twinkey },
  ): Promise<{ token: string; keyId: string }>
  /**
   * The code with which a request is refused, or `'let in'`. Default: a request with these headers.
   */
  decide(request: Sent, requirement?: Requirement, by?: Verifier): Promise<string>
  /**
   * The same without waiting, for any target unless said otherwise; undefined where something must
   * be asked.
   */
  decideNow(request: Sent, requirement?: Requirement): string | undefined
  /** The same for a token alone. */
  verdict(token: string): Promise<string>
  /** What the events say, in short. */
  reasons(): (string | undefined)[]
}

/** The scope of a key of a service. */
export const SCOPE = {
  tenants: ['t', 'u'],
  environments: ['prod', 'test'],
  workflows: ['read', 'write'],
} as const

export async function createService(): Promise<Service> {
  const bench = createBench()
  const events: TwinkeyEvent[] = []
  let set: { keys: JWK[] } | undefined = await bench.twinkey.tokens.jwks()
  let asked = 0
  const jwks = async () => {
    asked++
    if (set === undefined) throw new Error('nothing is published')
    return set
  }
  const another = (options: Partial<VerifierOptions> = {}) =>
    createVerifier({
      jwks,
      issuer: ISSUER,
      audience: AUDIENCE,
      now: bench.clock.now,
      onEvent: (event) => events.push(event),
      ...options,
    })
  const verifier = another()
  return {
    bench,
    verifier,
    events,
    another,
    publish(next) {
      set = next
    },
    asked: () => asked,
    async mint({ owner, by = bench.twinkey, ...rest } = {}) {
      const { key, primary } = await by.keys.create({
        name: 'n',
        scope: SCOPE,
        ...(owner === undefined ? {} : { owner }),
      })
      const issued = await by.tokens.issue(primary, rest)
      if (!issued.ok) throw new Error(issued.refusal.code)
      return { token: issued.token, keyId: key.id }
    },
    async decide(request, requirement = byHeaders, by = verifier) {
      return codeOf(
        (await by.authenticate(sent(request), new CheckedRequirement(requirement))) as Decision,
      )
    },
    decideNow(request, requirement = anyTarget) {
      const decision = verifier.decide(sent(request), new CheckedRequirement(requirement))
      if (!('then' in decision)) return codeOf(decision as Decision)
      decision.catch(() => {})
      return undefined
    },
    verdict: async (token) => codeOf(await verifier.verify(token)),
    reasons: () =>
      events.map((event) => (event.type === 'access.refused' ? event.reason : event.type)),
  }
}
