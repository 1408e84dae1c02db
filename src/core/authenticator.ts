import type { KeyRecord, Metadata } from './api-key.ts'
import type { Cached } from './cache.ts'
import type { Credential, Demand, RequestReader } from './demand.ts'
import type { Emit } from './events.ts'
import { isTwinkeyError, reasonOf, TwinkeyError } from './fault.ts'
import { Denial, type Identify, invalid, type Known, Question } from './identifier.ts'
import type { Admission, Identity } from './identity.ts'
import type { OwnerScopes } from './owner-scopes.ts'
import type { Allowed, Anonymous, Decision, Principal } from './principal.ts'
import { denied, isRefusal, REFUSALS, type Refusal, type RefusalReason, rateLimited, type Unseen, unseenOf } from './refusal.ts'
import { intersect, type Reach, type Scope, type Target } from './scope.ts'
import { holdsSecret, mayHoldSecret, type Slot } from './secret.ts'
import { firstUncovered, keptReadings, namedTarget, readTarget, resolveTarget } from './target.ts'
import { createBrake, type Throttle } from './throttle.ts'
import type { Usage } from './usage.ts'

/** The holder of a credential, without a request: the principal has no target. */
interface Identified<M extends Metadata> {
  readonly key: KeyRecord
  readonly slot: Slot
  readonly principal: Principal<M>
}

/** Where a refused request was going, and where a guard stood that could not tell. */
type Whereabouts = Target & Partial<Unseen>

/** Why somebody whose credential is good is not let in. */
class Misdirected extends Denial {
  constructor(
    refusal: Refusal,
    reason: RefusalReason | undefined,
    keyId: string,
    readonly where: Whereabouts,
  ) {
    super(refusal, reason, keyId)
  }
}

/** What decisions are made from. */
export interface AuthenticatorParts {
  readonly identify: Identify
  readonly owners: OwnerScopes | undefined
  readonly usage: Usage
  /** The environments that this deployment serves, or undefined where that is not configured. */
  readonly environments: readonly string[] | undefined
  /** How long a throttle may take to answer. */
  readonly deadlineMilliseconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** The ONE place that decides, and the order in which it does. */
export interface Authenticator<M extends Metadata = Metadata> {
  /** Decides about a request. Resolves to a refusal where it is not let in; rejects for nothing but a bug. */
  authenticate<R>(request: R, demand: Demand<R>): Promise<Decision<M> | Anonymous>
  /** The same decision where everything it needs is known already; undefined where a store, a signature or a throttle must be asked. */
  authenticateNow<R>(request: R, demand: Demand<R>): Decision<M> | Anonymous | undefined
  /** Runs something that the application plugged in for a decision: where it is unavailable, so is the decision. */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
  /** Who a credential of one kind belongs to and what it reaches at this moment, without a request. */
  identify(text: string, kind: 'secret' | 'token'): Promise<Identified<M> | Denial>
}

export function createAuthenticator<M extends Metadata>({
  identify,
  owners,
  usage,
  environments,
  deadlineMilliseconds,
  emit,
  now,
}: AuthenticatorParts): Authenticator<M> {
  const brake = createBrake(deadlineMilliseconds, emit, now)

  // The order of decisions. Answers a question where something must be asked first; the same steps are then taken again, with what was learned.
  function decide<R>(request: R, demand: Demand<R>, known: Known | undefined, at: number): Allowed<M> | Denial | Question {
    const credential = demand.reader.credential(request)
    if (isRefusal(credential)) return new Denial(credential, undefined, undefined, credential.code === 'credential_missing')

    const kinds = acceptedKinds(credential.kinds, demand)
    const identity = kinds === undefined ? invalid('kind_not_accepted') : identify(credential.text, kinds, known, at, credential.form)
    if (identity instanceof Denial || identity instanceof Question) {
      // Whoever was told needed no look at the characters: nothing that was minted here has others.
      return credential.form?.test(credential.text) === false ? new Denial(REFUSALS.credentialMalformed, undefined) : identity
    }

    const ceiling = ceilingOf(identity, known, at)
    if (ceiling instanceof Question) return ceiling
    const before = identity.allowed
    const read = readTarget(request, demand, identity.readings)
    // The same credential at the same demand, which reads the same, and nothing that it was judged by has changed since.
    if (
      before !== undefined &&
      identity.demand === demand &&
      identity.readings === read &&
      identity.ceiling === ceiling &&
      before.noStore !== credential.shielded
    ) {
      usage.note(identity, at)
      return before as Allowed<M>
    }
    const scope = reachOf(identity, ceiling)

    const { id } = identity.holder
    const readings = keptReadings(read, scope)
    const target = demand.anyTarget ? NO_TARGET : resolveTarget(readings, demand, scope, environments)
    if ('refusal' in target) {
      const { refusal, reason } = target
      return new Misdirected(refusal, reason, id, { ...namedTarget(readings, demand), ...unseenOf(refusal) })
    }
    const uncovered = demand.anyTarget ? undefined : firstUncovered(scope, target)
    if (uncovered !== undefined) return new Misdirected(denied(uncovered), 'not_covered', id, target)

    usage.note(identity, at)
    const principal = principalOf<M>(identity, scope, target, demand.reader)
    const allowed: Allowed<M> = Object.freeze({ ok: true, principal, noStore: !credential.shielded })
    Object.assign<Identity, Admission>(identity, { allowed, demand, readings, ceiling })
    return allowed
  }

  function decided<R>(request: R, demand: Demand<R>): Promise<Allowed<M> | Denial> {
    return untilKnown((known, at) => decide(request, demand, known, at))
  }

  // A peer whose credentials were refused too often waits before anything is asked for it; with a credential that was let in lately it need not.
  async function unlessHeldUp<R>(request: R, demand: Demand<R>, throttle: Required<Throttle<R>>): Promise<Allowed<M> | Denial> {
    const at = now()
    const first = decide(request, demand, undefined, at)
    if (!(first instanceof Question) && !isInvalid(first, demand)) return first
    const peer = brake.peerOf(throttle, request)
    if (peer === undefined) return decided(request, demand)
    const seconds = wasLetIn(request, demand, at) ? undefined : await brake.secondsFor(throttle, peer)
    if (seconds !== undefined) return new Denial(rateLimited(seconds), undefined)
    const outcome = await decided(request, demand)
    if (isInvalid(outcome, demand) && outcome.refusal.code === 'credential_invalid') await brake.failed(throttle, peer)
    return outcome
  }

  // Whether a credential is live by what was known last, however long ago. Nobody is let in by that.
  function wasLetIn<R>(request: R, demand: Demand<R>, at: number): boolean {
    const credential = demand.reader.credential(request)
    if (isRefusal(credential)) return false
    const kinds = acceptedKinds(credential.kinds, demand)
    const identity = kinds && identify(credential.text, kinds, AS_KNOWN_LAST, at, credential.form)
    return identity !== undefined && !isUnknown(identity)
  }

  // What the owner of a key may reach now; undefined where nothing but the key says.
  function ceilingOf({ holder }: Identity, known: Known | undefined, at: number): Cached<Scope> | Question | undefined {
    if (owners === undefined || holder.owner === null) return undefined
    const { owner } = holder
    return (
      owners.peek(owner, at) ??
      owners.ifCurrent(owner, known?.owner) ??
      new Question(async (learned) => {
        learned.owner = await owners.load(owner)
      })
    )
  }

  function conclude(outcome: Allowed<M> | Denial, demand: Pick<Demand<never>, 'optional'>, at: number): Decision<M> | Anonymous {
    if (outcome instanceof Denial) {
      if (demand.optional && outcome.foreign) return ANONYMOUS
      refused(outcome, at)
      return { ok: false, refusal: outcome.refusal }
    }
    if (emit !== undefined) {
      const { keyId, slot, via, scope, ...target } = outcome.principal
      const isFree = (text: string) => !holdsSecret(text) && isUnknown(identify(text, 'secret', undefined, at))
      // On an axis without limits a name is whatever the caller has sent.
      const named = (name: string | undefined, reach: Reach) => (name === undefined || reach !== '*' || isFree(name) ? name : undefined)
      const environment = named(target.environment, scope.environments)
      const workflow = named(target.workflow, scope.workflows)
      emit({ type: 'access.allowed', at, keyId, slot, via, tenant: named(target.tenant, scope.tenants), environment, workflow })
    }
    return outcome
  }

  function refused(denial: Denial, at: number): void {
    if (emit === undefined) return
    const { refusal, reason, keyId } = denial
    const told = denial instanceof Misdirected ? tellable(denial.where, at) : undefined
    emit({ type: 'access.refused', at, code: refusal.code, reason, axis: refusal.axis, keyId, ...told })
  }

  // A secret may stand where a name belongs, and a reader of the application may hand on a template with one in it. Advice is text of this package.
  function tellable(where: Whereabouts, at: number): Whereabouts {
    const isFree = (text: string) => !mayHoldSecret(text) && identify(text, 'secret', undefined, at) instanceof Denial
    const parts = (member: string, text: string) => (member === 'template' ? text.split('/') : [text])
    const isTellable = (member: string, text: string) => member === 'advice' || parts(member, text).every(isFree)
    return Object.fromEntries(Object.entries(where).filter(([member, text]) => text && isTellable(member, text)))
  }

  // Takes the steps until they end, asking what must be asked. Each question is asked once, because its answer is held for this decision.
  async function untilKnown<T>(step: (known: Known | undefined, at: number) => T | Denial | Question): Promise<T | Denial> {
    const known: Known = { keys: new Map(), since: now() }
    for (let questions = 0; questions < MAX_QUESTIONS; questions++) {
      const outcome = step(known, now())
      if (!(outcome instanceof Question)) return outcome
      try {
        await outcome.ask(known)
      } catch (error) {
        return unavailable(error)
      }
    }
    return unavailable(new TwinkeyError('store_unavailable', 'What a decision needs was forgotten again and again while it was read.'))
  }

  return {
    async authenticate(request, demand) {
      return conclude(
        await (demand.throttle === undefined ? decided(request, demand) : unlessHeldUp(request, demand, demand.throttle)),
        demand,
        now(),
      )
    },
    authenticateNow(request, demand) {
      const at = now()
      const outcome = decide(request, demand, undefined, at)
      if (outcome instanceof Question || (demand.throttle !== undefined && isInvalid(outcome, demand))) return undefined
      return conclude(outcome, demand, at)
    },
    async ask(call) {
      try {
        return await call()
      } catch (error) {
        if (isTwinkeyError(error) && error.code === 'owner_unavailable') return unavailable(error).refusal
        throw error
      }
    },
    async identify(text, kind) {
      const outcome = await untilKnown((known, at) => {
        // Nothing else is taken for text: a list with a secret in it would be one.
        const identity = identify(typeof text === 'string' ? text : '', kind, known, at)
        if (identity instanceof Denial || identity instanceof Question) return identity
        const ceiling = ceilingOf(identity, known, at)
        if (ceiling instanceof Question) return ceiling
        const { key, slot } = identity
        if (key === undefined || slot === undefined) return invalid('key_unknown', identity.holder.id)
        usage.note(identity, at)
        return { key, slot, principal: principalOf<M>(identity, reachOf(identity, ceiling), NO_TARGET, undefined) }
      })
      if (outcome instanceof Denial) refused(outcome, now())
      return outcome
    },
  }

  function unavailable(error: unknown): Denial {
    const code = isTwinkeyError(error) ? error.code : undefined
    const own = code === 'signing_key_invalid' || code === 'jwks_unavailable' ? code : 'store_failed'
    const reason = code === 'owner_unavailable' ? 'owner_lookup_failed' : own
    // What the application or a driver has thrown may have anything in it: it stays in the error.
    const message = own === 'store_failed' ? 'A request could not be decided. Look at the error.' : reasonOf(error)
    emit?.({ type: `warning.${reason}`, at: now(), message, error })
    // A key that cannot be used proves nothing, and trying again would not help.
    return new Denial(own === 'signing_key_invalid' ? REFUSALS.credentialInvalid : REFUSALS.unavailable, reason)
  }
}

// A decision asks for a token, a key, an alias and an owner; more often only where one of them is forgotten meanwhile.
const MAX_QUESTIONS = 50
const AS_KNOWN_LAST: Known = { keys: new Map(), since: 0, anyAge: true }
const NO_TARGET: Target = Object.freeze({})
const NOTHING: Scope = Object.freeze({ tenants: [], environments: [], workflows: [] })
const ANONYMOUS: Anonymous = Object.freeze({ ok: true, principal: undefined, noStore: false })

function isUnknown(outcome: Identity | Denial | Question): boolean {
  return outcome instanceof Denial || outcome instanceof Question
}

// Whether a credential is refused for what it is. Where an optional guard lets the request pass all the same, it is not.
function isInvalid(outcome: Allowed | Denial, { optional }: Pick<Demand<never>, 'optional'>): outcome is Denial {
  if (!(outcome instanceof Denial) || (optional && outcome.foreign)) return false
  return outcome.refusal.code === 'credential_invalid' || outcome.refusal.code === 'credential_malformed'
}

// The effective scope.
function reachOf({ scope }: Identity, ceiling: Cached<Scope> | undefined): Scope {
  return ceiling === undefined ? scope : intersect(scope, ceiling.value ?? NOTHING)
}

function principalOf<M extends Metadata>(
  { holder, slot, via }: Identity,
  scope: Scope,
  { tenant, environment, workflow }: Target,
  reader: RequestReader<never> | undefined,
): Principal<M> {
  const { id: keyId, name, owner } = holder
  const metadata = holder.metadata as M
  const username = reader?.username?.(name)
  return Object.freeze({ keyId, name, username, owner, metadata, slot, via, tenant, environment, workflow, scope })
}

function acceptedKinds(kinds: Credential['kinds'], { acceptsSecret, acceptsToken }: Demand<never>): Credential['kinds'] | undefined {
  const secret = acceptsSecret && kinds !== 'token'
  const token = acceptsToken && kinds !== 'secret'
  if (secret && token) return 'either'
  if (secret) return 'secret'
  return token ? 'token' : undefined
}
