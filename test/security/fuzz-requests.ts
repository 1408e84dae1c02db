import { createRouter } from '../../src/endpoints/router.ts'
import {
  type Anonymous,
  type Decision,
  from,
  type Profile,
  type Requirement,
  type Twinkey,
  tokenEndpoints,
  type WireRequest,
} from '../../src/index.ts'
import { bodyBytes } from './fuzz-bodies.ts'
import { refusalProblem } from './fuzz-refusals.ts'
import type { Target } from './fuzz-run.ts'
import type { FuzzScene } from './fuzz-scene.ts'
import { reachesNoMore } from './fuzz-scopes.ts'
import { anyText } from './fuzz-texts.ts'
import { mutatedToken } from './fuzz-tokens.ts'
import { anyRequest, credentialsIn, type FuzzRequest, wireRequest } from './fuzz-wire.ts'

/** The decision: that of a Twinkey, or of a broken one that a test passes. */
interface FuzzedDecider {
  authenticate(request: WireRequest, requirement: Requirement): Promise<Decision | Anonymous>
  decide(
    request: WireRequest,
    requirement: Requirement,
  ): Decision | Anonymous | Promise<Decision | Anonymous>
}

/**
 * The whole decision: an accepted caller has sent a credential that was issued and is active, and
 * reaches no more than it does.
 */
export function authenticateTarget(
  { live, texts }: FuzzScene,
  profile: Profile,
  twinkey: FuzzedDecider,
): Target<FuzzRequest> {
  const routes: readonly Requirement[] = [
    { profile, anyTarget: true },
    { profile, tenant: from.header('x-tenant'), workflow: 'customers.read' },
  ]
  return {
    name: `authenticate by ${profile.name}`,
    make: (random) => anyRequest(random, texts),
    async judge(request) {
      const requirement = routes[request.url.length % 2] as Requirement
      const decision = (await twinkey.authenticate(wireRequest(request), requirement)) as Decision
      const now = await twinkey.decide(wireRequest(request), requirement)
      if (now.ok !== decision.ok)
        return { wrong: 'the decision is another one where everything is known' }
      if (!decision.ok) {
        const problem = refusalProblem(decision.refusal)
        return problem === undefined ? 'refused' : { wrong: problem }
      }
      const { keyId, scope } = decision.principal
      const sent = [...credentialsIn(request)].flatMap((each) => live.get(each) ?? [])
      const holder = sent.some((each) => each.keyId === keyId && reachesNoMore(scope, each.scope))
      return holder
        ? 'taken'
        : {
            wrong: `${keyId} was let in, who did not send anything that is live and reaches as much`,
          }
    },
  }
}

/** A secret or a token by itself, without a request: `keys.verify` and `tokens.verify`. */
export function verifyTarget(
  { live, secrets, tokens }: FuzzScene,
  { keys, tokens: service }: Pick<Twinkey, 'keys' | 'tokens'>,
): Target<string> {
  return {
    name: 'keys.verify and tokens.verify',
    make: (random) => (random.oneIn(2) ? anyText(random, secrets) : mutatedToken(random, tokens)),
    async judge(text) {
      const verified = [await keys.verify(text), await service.verify(text)]
      const isToken = tokens.includes(text)
      for (const [place, each] of verified.entries()) {
        if (each.ok !== (live.has(text) && isToken === (place === 1)))
          return { wrong: each.ok ? 'it was taken' : 'it was refused' }
        const problem = each.ok ? undefined : refusalProblem(each.refusal)
        if (problem !== undefined) return { wrong: problem }
      }
      return live.has(text) ? 'taken' : 'refused'
    },
  }
}

/**
 * The exchange with all of its input: it issues a token only for an active secret, with no more
 * than its scope.
 */
export function exchangeTarget(
  { live, texts, tokens }: FuzzScene,
  profile: Profile,
  twinkey: Twinkey,
): Target<FuzzRequest & { body: Buffer }> {
  const { route } = createRouter(tokenEndpoints(twinkey, { profile }))
  return {
    name: `exchange by ${profile.name}`,
    make: (random) => ({
      ...anyRequest(random, texts),
      method: random.oneIn(20) ? 'GET' : 'POST',
      body: bodyBytes(random),
    }),
    async judge({ body, ...request }) {
      const answered = route(profile.exchangePath, wireRequest(request), async () => ({
        bytes: body,
      }))
      if (answered === undefined) return { wrong: 'no endpoint answered' }
      const { status, body: answer } = await answered
      if (status !== 200)
        return status >= 400 && status < 500 ? 'refused' : { wrong: `status ${status}` }
      const { access_token, token = access_token } = JSON.parse(answer)
      const verified = await twinkey.tokens.verify(token)
      if (!verified.ok) return { wrong: 'what was issued is no token' }
      const sent = [...credentialsIn(request)].flatMap((each) =>
        tokens.includes(each) ? [] : (live.get(each) ?? []),
      )
      const holder = sent.some(
        ({ keyId, scope }) => keyId === verified.key.id && reachesNoMore(verified.scope, scope),
      )
      return holder
        ? 'taken'
        : { wrong: 'a token was issued to whoever sent no live secret that reaches as much' }
    },
  }
}
