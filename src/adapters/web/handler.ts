/**
 * A handler behind a guard. `rest` holds the other arguments that the host passes.
 *
 * @typeParam P The type of the principal. It includes undefined behind an `optional` guard.
 */
export type GuardedHandler<P, A extends unknown[]> = (
  request: Request,
  principal: P,
  ...rest: A
) => Response | Promise<Response>
