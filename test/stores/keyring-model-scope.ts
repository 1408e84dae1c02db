import type { Axis, Scope, ScopeValue, Target } from 'twinkey'

// The rules of scopes, written a second time as sets, without calling the library.

export const EVERYTHING: Scope = { tenants: '*', environments: '*', workflows: '*' }
export const NOTHING: Scope = { tenants: [], environments: [], workflows: [] }
/** What every deployment of the model serves. */
export const SERVED = ['live', 'test']

const AXES: readonly (readonly [Axis, keyof Scope])[] = [
  ['tenant', 'tenants'],
  ['environment', 'environments'],
  ['workflow', 'workflows'],
]

/** A scope in which the order of names does not matter. */
export function sorted({ tenants, environments, workflows }: Scope): Scope {
  const inOrder = (reach: ScopeValue): ScopeValue => (reach === '*' ? '*' : [...reach].sort())
  return {
    tenants: inOrder(tenants),
    environments: inOrder(environments),
    workflows: inOrder(workflows),
  }
}

/** The intersection of all the scopes. */
export function common(...scopes: readonly Scope[]): Scope {
  const onAxis = (axis: keyof Scope): ScopeValue => {
    const lists = scopes
      .map((scope) => scope[axis])
      .filter((reach): reach is readonly string[] => reach !== '*')
    const [first, ...others] = lists
    return first === undefined
      ? '*'
      : first.filter((name) => others.every((list) => new Set(list).has(name)))
  }
  return {
    tenants: onAxis('tenants'),
    environments: onAxis('environments'),
    workflows: onAxis('workflows'),
  }
}

/**
 * The target of a request, and whether a scope covers it: the target, or the code of the refusal
 * and its axis.
 */
export function resolve(
  scope: Scope,
  named: Target,
): Target | { readonly code: string; readonly axis: Axis } {
  const target: Record<Axis, string | undefined> = {
    tenant: undefined,
    environment: undefined,
    workflow: undefined,
  }
  for (const [axis, member] of AXES) {
    const reach = scope[member]
    const name = named[axis]
    if (axis === 'environment' && name !== undefined && !SERVED.includes(name))
      return { code: 'target_conflict', axis }
    // Only a tenant may come from the credential, and only if it reaches exactly one.
    const own = axis === 'tenant' && reach.length === 1 && reach !== '*' ? reach[0] : undefined
    target[axis] = name ?? own
    if (target[axis] === undefined && reach !== '*' && reach.length > 0)
      return { code: 'target_missing', axis }
  }
  for (const [axis, member] of AXES) {
    const reach = scope[member]
    const name = target[axis]
    if (reach !== '*' && (name === undefined || !new Set(reach).has(name)))
      return { code: `${axis}_denied`, axis }
  }
  return target
}

/** The scope of a requested token, and the codes with which the request may be refused. */
export function narrowed(
  held: Scope,
  asked: Partial<Scope>,
): { readonly scope: Scope; readonly refusals: readonly string[] } {
  const scope = { ...held, ...asked }
  const refusals = AXES.filter(([, member]) => {
    const [wanted, reach] = [scope[member], held[member]]
    const wider =
      reach !== '*' && (wanted === '*' || wanted.some((name) => !new Set(reach).has(name)))
    return wider || wanted.length === 0
  }).map(([axis]) => `${axis}_denied`)
  return { scope, refusals }
}
