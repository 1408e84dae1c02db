import {
  AXES,
  fromScopeString,
  narrow,
  scopeProblem,
  toScopeString,
} from '../../src/core/model/scope.ts'
import type { Scope } from '../../src/index.ts'
import type { Random } from './fuzz-random.ts'
import type { Target } from './fuzz-run.ts'
import { NAMES } from './fuzz-scene.ts'
import { changed, ODD, randomText } from './fuzz-texts.ts'

const WORDS = [
  ...AXES.flatMap(([axis]) => NAMES.map((each) => `${axis}:${encodeURIComponent(each)}`)),
  'tenant:*',
  'environment:*',
  'workflow:*',
  'tenant:%2a',
  'tenants:1001',
  'openid',
]
const HELD: Scope = { tenants: ['1001', '1002'], environments: ['production'], workflows: '*' }

/**
 * A scope string: the parsed scope is valid, survives a round trip, and once cut never exceeds the
 * held scope.
 */
export function scopeTarget(read: typeof fromScopeString = fromScopeString): Target<string> {
  return {
    name: 'fromScopeString',
    make: scopeString,
    judge(text) {
      const asked = read(text)
      if (asked === undefined) return 'refused'
      const whole: Scope = { tenants: [], environments: [], workflows: [], ...asked }
      const problem = scopeProblem(whole)
      if (problem !== undefined) return { wrong: problem }
      const written = toScopeString(whole)
      if (
        toScopeString({ tenants: [], environments: [], workflows: [], ...read(written) }) !==
        written
      )
        return { wrong: `it became ${written}` }
      const cut = narrow(HELD, asked)
      if (typeof cut !== 'string' && !reachesNoMore(cut, HELD))
        return { wrong: `it reaches ${JSON.stringify(cut)}` }
      return 'taken'
    },
  }
}

export function scopeString(random: Random): string {
  const words = Array.from({ length: random.below(random.oneIn(50) ? 200 : 5) }, () =>
    random.pick(WORDS),
  )
  const text = words.join(random.oneIn(20) ? random.pick(ODD) : ' ')
  return random.oneIn(10)
    ? randomText(random)
    : random.oneIn(3)
      ? text
      : changed(text, random, WORDS)
}

/** Whether a scope reaches nothing that another does not. */
export function reachesNoMore(scope: Scope, than: Scope): boolean {
  return AXES.every(([, member]) => {
    const [reach, held] = [scope[member], than[member]]
    return held === '*' || (reach !== '*' && reach.every((each) => held.includes(each)))
  })
}
