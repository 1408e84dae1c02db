import type { ExecutionContext } from '@nestjs/common'
import type { Requirement } from '../../guard/requirement.ts'

/** The name of the metadata of a class or method. */
export const REQUIRED = 'twinkey:required'

/** What a decorator says about a class or method. A new object for each, to tell them apart. */
export type Required = { readonly requirement: Requirement | undefined } | 'public'

/** Returns what the method of a context requires, or else its class. */
export function requiredOf(context: ExecutionContext): Required | undefined {
  const read = (target: object): Required | undefined => Reflect.getMetadata(REQUIRED, target)
  return read(context.getHandler()) ?? read(context.getClass())
}
