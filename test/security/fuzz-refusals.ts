import {
  axisDenied,
  isRefusal,
  REFUSALS,
  targetConflict,
  targetMissing,
} from '../../src/core/model/refusal.ts'
import { AXES } from '../../src/core/model/scope.ts'

const CONSTANT = new Set(
  [
    ...Object.values(REFUSALS),
    ...AXES.flatMap(([axis]) => [targetMissing(axis), targetConflict(axis), axisDenied(axis)]),
  ].map(spelled),
)

/**
 * What is wrong with an expected refusal: it must be one of a closed list of constants, so that it
 * repeats nothing that was sent.
 */
export function refusalProblem(value: unknown): string | undefined {
  if (!isRefusal(value)) return `no refusal but ${typeof value}`
  if (value.code === 'unavailable') return 'unavailable, though nothing has failed'
  return CONSTANT.has(spelled(value))
    ? undefined
    : `a refusal that is not in the list: ${value.code}`
}

function spelled(refusal: object): string {
  return JSON.stringify(Object.entries(refusal).sort())
}
