import type { Metadata } from '../core/model/api-key.ts'
import type { Principal } from '../core/model/principal.ts'
import type { WireRequest } from '../http/request.ts'

// Registered, because the guard may come from another copy of the package. A property of its own,
// because other middleware may also set `principal`.
const PRINCIPAL = Symbol.for('twinkey.principal')

const NAMES = {
  reader: 'getPrincipal',
  advice: {
    missing: 'Put requireAuth(twinkey, …) on the route, before the handler.',
    optional:
      'With { optional: true } as the second argument, getPrincipal returns undefined for it.',
  },
}

interface Kept {
  [PRINCIPAL]?: Principal | undefined
}

/** Keeps the principal of a request for {@link keptPrincipal}. Undefined for an anonymous request. */
export function keepPrincipal(request: object, principal: Principal | undefined): void {
  ;(request as Kept)[PRINCIPAL] = principal
}

/**
 * Returns the principal that the latest guard of a request has kept.
 *
 * @param optional Whether an anonymous request has the answer undefined.
 * @param seen Returns the wire request, whose route the message names.
 * @param names What the application calls the reader and the guard.
 * @throws TypeError if no guard has run, and for an anonymous request unless `optional` is true.
 */
export function keptPrincipal<M extends Metadata>(
  request: object,
  optional: boolean | undefined,
  seen: () => WireRequest,
  { reader, advice } = NAMES,
): Principal<M> | undefined {
  if (typeof request !== 'object' || request === null)
    throw new TypeError('getPrincipal: the first argument must be the request of the handler.')
  const principal = (request as Kept)[PRINCIPAL]
  if (principal !== undefined || (optional === true && PRINCIPAL in request))
    return principal as Principal<M> | undefined
  const { method, template } = seen()
  // Not the URL, which may hold a secret.
  const route = template === undefined ? 'this request' : `${method} ${template}`
  throw new TypeError(
    PRINCIPAL in request
      ? `${reader}: the guard of ${route} is optional, and the request is anonymous. ${advice.optional}`
      : `${reader}: no guard has run for ${route}. ${advice.missing}`,
  )
}
