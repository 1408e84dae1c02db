import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type Type,
} from '@nestjs/common'
import {
  createGuard,
  type Decider,
  type Guard,
  type GuardOutcome,
  isAnswer,
  passedHeaders,
} from '../../guard/guard.ts'
import { keepPrincipal } from '../../guard/principal.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { errorOf } from '../node/error.ts'
import { challengeOf } from './exception.ts'
import { type PlatformResponse, setHeader } from './platform.ts'
import { REQUEST_OF, TWINKEY } from './providers.ts'
import { refusalIn } from './refusal-in.ts'
import { type ContextRequest, type RequestOf, requestIn } from './request-of.ts'
import { type Required, requiredOf } from './required.ts'

/**
 * Creates the class of the guard for a requirement. Nest creates its instances when the application
 * starts, which checks the requirement.
 *
 * @param own What the decorators must say, so that exactly one guard decides on a request.
 */
export function keyGuardFor(
  requirement: Requirement | undefined,
  own: Required | undefined,
): Type<CanActivate> {
  class RequirementGuard implements CanActivate {
    private readonly guard: Guard
    private readonly requestOf: RequestOf | undefined

    constructor(twinkey: Decider, requestOf: RequestOf | undefined) {
      this.guard = createGuard(twinkey, requirement)
      this.requestOf = requestOf
    }

    async canActivate(context: ExecutionContext): Promise<boolean> {
      if (requiredOf(context) !== own) return true
      const found = requestIn(context, this.requestOf)
      const outcome = await this.decide(found)
      const answered = isAnswer(outcome)
      if (context.getType() === 'http') {
        const response = context.switchToHttp().getResponse<PlatformResponse>()
        for (const [name, value] of answered ? challengeOf(outcome) : passedHeaders(outcome))
          setHeader(response, name, value)
      }
      if (answered) throw await refusalIn(context, outcome)
      // Even if undefined, so that the principal of an earlier guard does not remain.
      found.request.principal = outcome.principal
      keepPrincipal(found.request, outcome.principal)
      keepPrincipal(found.keeper, outcome.principal)
      return true
    }

    private async decide({ wire }: ContextRequest): Promise<GuardOutcome> {
      try {
        return await this.guard.evaluate(wire(this.guard.secretQuery))
      } catch (thrown) {
        throw errorOf(thrown)
      }
    }
  }
  // Called as functions, so that the build needs no decorators.
  Injectable()(RequirementGuard)
  Inject(TWINKEY)(RequirementGuard, undefined, 0)
  Inject(REQUEST_OF)(RequirementGuard, undefined, 1)
  return RequirementGuard
}
