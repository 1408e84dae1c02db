import { isPlainObject, membersProblem, nameProblem } from './checks.ts'
import { copyList, copyMembers } from './copy.ts'

/** One axis of a scope: `'*'` for all names, or a list of exact names. An empty list reaches nothing. */
export type ScopeValue = '*' | readonly string[]

/** What a key or token may reach. It must cover a request on all three axes. */
export interface Scope {
  readonly tenants: ScopeValue
  readonly environments: ScopeValue
  readonly workflows: ScopeValue
}

/** Some axes of a scope. An `undefined` axis counts as omitted. */
export type ScopeInput = { readonly [member in keyof Scope]?: Scope[member] | undefined }

/** What one request is for. The request does not name an omitted axis. */
export interface Target {
  readonly tenant?: string | undefined
  readonly environment?: string | undefined
  readonly workflow?: string | undefined
}

/** The name of one axis in a {@link Target}. */
export type Axis = keyof Target

/** The axes in the order of the checks, each with its member of {@link Scope}. */
export const AXES = [
  ['tenant', 'tenants'],
  ['environment', 'environments'],
  ['workflow', 'workflows'],
] as const satisfies readonly (readonly [Axis, keyof Scope])[]

/** The members of {@link Scope}, in the same order. */
export const SCOPE_MEMBERS = AXES.map(([, member]) => member)

const MAX_NAMES = 64
// RFC 6749, section 3.3. Other characters are percent-encoded.
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** Whether an axis covers a name. Names match exactly: no prefixes, no patterns. */
export function covers(axis: ScopeValue, name: string): boolean {
  return axis === '*' || axis.includes(name)
}

/** The intersection of two scopes, frozen. */
export function intersect(a: Scope, b: Scope): Scope {
  return freezeScope({
    tenants: intersectReach(a.tenants, b.tenants),
    environments: intersectReach(a.environments, b.environments),
    workflows: intersectReach(a.workflows, b.workflows),
  })
}

/**
 * Narrows a scope to the requested axes. Never widens it.
 *
 * @param asked The requested axes. An omitted axis keeps its value.
 * @returns The narrowed scope, or the first axis on which the request exceeds `scope`.
 */
export function narrow(scope: Scope, asked: ScopeInput): Scope | Axis {
  for (const [axis, member] of AXES) {
    const wanted = asked[member]
    if (wanted !== undefined && !isSubset(wanted, scope[member])) return axis
  }
  return {
    tenants: asked.tenants ?? scope.tenants,
    environments: asked.environments ?? scope.environments,
    workflows: asked.workflows ?? scope.workflows,
  }
}

/** The first axis with an empty list, or undefined. */
export function emptyAxis(scope: Scope): Axis | undefined {
  return AXES.find(([, member]) => scope[member].length === 0)?.[0]
}

/**
 * Writes an OAuth scope string, like `tenant:acme environment:production workflow:*`. Names are
 * percent-encoded to fit the grammar. An axis with an empty list is omitted.
 *
 * @see RFC 6749, section 3.3
 */
export function toScopeString(scope: Scope): string {
  return AXES.flatMap(([axis, member]) =>
    reachOf(scope[member]).map((name) => `${axis}:${name}`),
  ).join(' ')
}

/**
 * Parses an OAuth scope string: words of the form that {@link toScopeString} writes. A word without
 * a colon is the name of a workflow.
 *
 * @returns The axes in the string, or undefined if it contains any other word.
 * @see RFC 6749, section 3.3
 */
export function fromScopeString(text: string): Partial<Scope> | undefined {
  const found: { -readonly [member in keyof Scope]?: '*' | string[] } = {}
  for (const written of text.split(' ')) {
    if (!SCOPE_TOKEN.test(written)) return undefined
    // Only without a colon, so that a misspelt axis is not read as a workflow.
    const word = /^[^:*]+$/.test(written) ? `workflow:${written}` : written
    const split = word.indexOf(':')
    const member = AXES.find(([axis]) => axis === word.slice(0, split))?.[1]
    const encoded = word.slice(split + 1)
    const name = decodeName(encoded)
    if (split < 0 || member === undefined || name === undefined) return undefined
    const names = found[member]
    if (encoded === '*') found[member] = '*'
    else if (Array.isArray(names)) names.push(name)
    else found[member] ??= [name]
  }
  const scope: Partial<Scope> = found
  return AXES.some(
    ([, member]) => scope[member] !== undefined && scopeValueProblem(scope[member]) !== undefined,
  )
    ? undefined
    : scope
}

/** Why `value` is not a valid {@link ScopeValue}, or undefined. */
export function scopeValueProblem(value: unknown): string | undefined {
  if (value === '*') return undefined
  if (!Array.isArray(value)) return "must be '*' or a list of names"
  if (value.length > MAX_NAMES) return `must be '*' or at most ${MAX_NAMES} names`
  if (value.includes('*')) return "must be '*' itself, not a list with '*' in it"
  for (const name of value) {
    const problem = nameProblem(name)
    if (problem !== undefined) return `has a name that ${problem}`
  }
  return new Set(value).size === value.length ? undefined : 'must not repeat a name'
}

/** Why `value` is not a valid {@link Scope}, or undefined. */
export function scopeProblem(value: unknown): string | undefined {
  const problem = membersProblem(value, SCOPE_MEMBERS)
  if (problem !== undefined) return problem
  for (const member of SCOPE_MEMBERS) {
    const wrong = scopeValueProblem((value as Scope)[member])
    if (wrong !== undefined) return `is wrong: ${member} ${wrong}`
  }
  return undefined
}

/** Copies a scope, or some of its axes, without validation. */
export function copyScope(value: unknown): unknown {
  const copy = copyMembers(value, SCOPE_MEMBERS)
  if (!isPlainObject(copy)) return copy
  // One name over the limit is enough for the check to reject the list.
  for (const member of SCOPE_MEMBERS)
    if (member in copy) copy[member] = copyList(copy[member], MAX_NAMES + 1)
  return copy
}

/** A frozen copy: the original can change without changing the copy. */
export function freezeScope(scope: Scope): Scope {
  return Object.freeze({
    tenants: freezeReach(scope.tenants),
    environments: freezeReach(scope.environments),
    workflows: freezeReach(scope.workflows),
  })
}

function freezeReach(reach: ScopeValue): ScopeValue {
  return reach === '*' ? reach : Object.freeze([...reach])
}

function intersectReach(a: ScopeValue, b: ScopeValue): ScopeValue {
  if (a === '*') return b
  return b === '*' ? a : a.filter((name) => b.includes(name))
}

function isSubset(wanted: ScopeValue, held: ScopeValue): boolean {
  return held === '*' || (wanted !== '*' && wanted.every((name) => held.includes(name)))
}

function reachOf(reach: ScopeValue): readonly string[] {
  return reach === '*' ? ['*'] : reach.map(encodeURIComponent)
}

function decodeName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
