import {
  createTwinkey,
  type HistoryEntry,
  isTwinkeyError,
  type KeyringLimits,
  type Keys,
  memoryStore,
  type Scope,
  type UpdateKeyInput,
} from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import type { KeyRecord, KeyStore } from 'twinkey/store'
import { createRandom, type Random } from '../../security/fuzz-random.ts'
import { judge, NETWORKS } from './within-judge.ts'

/** What a run counted, so that a test can see that it was not idle. */
export interface WithinReport {
  readonly steps: number
  /** Writes by limited keyrings that the observer judged. */
  readonly judged: number
  /** Calls with the id of another owner's key that were compared with an unknown id. */
  readonly compared: number
  /** How often each outcome occurred: `done`, or the code of an error. */
  readonly outcomes: ReadonlyMap<string, number>
}

const TENANTS = ['t1', 't2', 't3']
const WORKFLOWS = ['read', 'write', 'admin']
const ENVIRONMENTS = ['test', 'production']
const OWNERS = ['ada', 'grace']
const UNKNOWN = 'AAAAAAAAAAAAAAAA'
// Longer than a run.
const MAX_SECONDS = 86_400
const LIMITS = [null, [], [{ requests: 5, perSeconds: 1 }], [{ requests: 9, per: 'day' }]] as const

/** A caller with its limits. The actor names the limits, so that every entry leads to them. */
interface Caller {
  readonly limits: KeyringLimits | undefined
  readonly actor: string
}

/**
 * Runs random operations of two owners, the administrator of a tenant and an operator on one store,
 * several at a time. A store in between judges every write by the record before and after it.
 *
 * @throws The seed and the step with the first rule that does not hold.
 */
export async function runWithin(seed: number, steps: number): Promise<WithinReport> {
  const callers = new Map<string, Caller>()
  const outcomes = new Map<string, number>()
  const counts = { judged: 0, compared: 0, step: 0 }
  let time = Date.UTC(2026, 0, 1)
  const watch = watchedStore(createRandom(seed, -1), (before, next, entry) => {
    const caller = callers.get(entry.actor ?? '')
    if (caller === undefined) throw new Error(`no caller ${entry.actor} in the entry`)
    if (caller.limits === undefined) return
    counts.judged++
    judge(caller.limits, before, next, entry)
  })
  const twinkey = createTwinkey({
    store: watch.store,
    limiter: memoryLimiter(),
    policies: { maxExpiresInSeconds: MAX_SECONDS },
    now: () => time,
  })

  for (counts.step = 0; counts.step < steps; ) {
    const random = createRandom(seed, counts.step)
    time += random.below(3)
    const ids = watch.ids()
    const together = Array.from({ length: 1 + random.below(4) }, (_, i) => {
      const caller = newCaller(random, counts.step + i)
      callers.set(caller.actor, caller)
      return operate(keyringOf(twinkey.keys, caller), caller, random, idFor(random, ids))
    })
    for (const outcome of await Promise.all(together.map(outcomeOf)))
      outcomes.set(outcome.code, (outcomes.get(outcome.code) ?? 0) + 1)
    counts.step += together.length
    if (watch.failure !== undefined) throw explained(seed, counts.step, watch.failure)
    // Short, so that a page of the history is found soon.
    await twinkey.keys.forgetHistory(time - 300)
    const foreign = ids.find((id) => watch.records.get(id)?.owner === 'grace')
    if (foreign !== undefined && random.oneIn(4)) {
      const problem = await compare(twinkey.keys, watch, foreign, seed, counts.step)
      if (problem !== undefined) throw explained(seed, counts.step, problem)
      counts.compared++
    }
  }
  return { steps: counts.step, judged: counts.judged, compared: counts.compared, outcomes }
}

function newCaller(random: Random, step: number): Caller {
  const who = random.pick(['ada', 'grace', 'ada', 'grace', 'tenant', 'operator'])
  const actor = `${who}#${step}`
  if (who === 'operator') return { actor, limits: undefined }
  const limits = who === 'tenant' ? { tenants: ['t1'] } : { owner: who }
  const networks = random.oneIn(3) ? random.pick(NETWORKS) : null
  const policy = networks === null ? {} : { policy: { networks } }
  return { actor, limits: { actor, ...limits, ...policy, grantable: scopeOf(random, 2) } }
}

function keyringOf(keys: Keys, { limits }: Caller): Keys {
  return limits === undefined ? keys : { ...keys, ...keys.within(limits) }
}

function idFor(random: Random, ids: readonly string[]): string {
  return ids.length === 0 || random.oneIn(10) ? UNKNOWN : random.pick(ids)
}

function scopeOf(random: Random, starOneIn = 8): Scope {
  const axis = (names: readonly string[]) => {
    if (random.oneIn(starOneIn)) return '*'
    const listed = names.filter(() => !random.oneIn(2))
    return listed.length === 0 ? [random.pick(names)] : listed
  }
  return { tenants: axis(TENANTS), environments: axis(ENVIRONMENTS), workflows: axis(WORKFLOWS) }
}

function restrictionsOf(random: Random): Pick<UpdateKeyInput, 'limits' | 'networks' | 'tokens'> {
  return {
    ...(random.oneIn(2) && { networks: random.pick(NETWORKS) }),
    ...(random.oneIn(3) && { limits: random.pick(LIMITS) }),
    ...(random.oneIn(4) && { tokens: true }),
  }
}

/** One random operation. */
function operate(
  keys: Keys,
  caller: Caller,
  random: Random,
  id: string,
  kind: 'any' | 'of one key' = 'any',
): () => Promise<unknown> {
  const actor = caller.limits === undefined ? { actor: caller.actor } : {}
  const scope = scopeOf(random)
  const owner = random.oneIn(2) ? {} : { owner: random.pick(OWNERS) }
  const slots = random.pick(['primary', 'secondary', 'both'] as const)
  const restrictions = restrictionsOf(random)
  const ofKey: (() => Promise<unknown>)[] = [
    () => keys.update(id, { scope, ...actor }),
    () => keys.update(id, { name: `key ${random.below(9)}`, ...actor }),
    () => keys.update(id, { ...restrictions, ...actor }),
    () => keys.enable(id, actor),
    () => keys.disable(id, actor),
    () => keys.rotate(id, { replace: 'secondary', ...actor }),
    () => keys.renew(id, { slots, ...actor }),
    () => keys.endSecondary(id, actor),
    () => keys.get(id),
    () => keys.history({ keyId: id, limit: 5 }),
  ]
  if (kind === 'of one key') return random.pick(ofKey)
  // Seldom, so that most keys live long enough to be changed.
  if (random.oneIn(20))
    return random.pick([
      () => keys.revoke(id, actor),
      () => keys.delete(id, actor),
      () => keys.revokeAll({ tenant: 't3', ...actor }),
    ])
  return random.pick([
    ...ofKey,
    () => keys.create({ name: 'key', scope, ...owner, ...actor }),
    () => keys.create({ name: 'key', scope, ...owner, ...restrictions, ...actor }),
    () => keys.list({ limit: 5 }),
  ])
}

interface Outcome {
  readonly code: string
  /** All that a caller can see of it. */
  readonly shown: string
}

async function outcomeOf(operation: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { code: 'done', shown: JSON.stringify(await operation()) ?? 'undefined' }
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return { code: error.code, shown: `${error.code}: ${error.message} ${JSON.stringify(error)}` }
  }
}

/**
 * Compares each operation of Ada on a key of Grace with the same operation on an id that does not
 * exist: what Ada sees, and the calls to the store, which make the time that it takes.
 */
async function compare(
  keys: Keys,
  watch: Watch,
  foreign: string,
  seed: number,
  step: number,
): Promise<string | undefined> {
  const limits = { actor: 'ada#compare', owner: 'ada' }
  const grantable = { tenants: '*', environments: '*', workflows: '*' } as const
  const caller: Caller = { actor: limits.actor, limits: { ...limits, grantable } }
  const ofAda = keyringOf(keys, caller)
  const see = async (id: string) => {
    watch.calls.length = 0
    const { shown } = await outcomeOf(
      operate(ofAda, caller, createRandom(seed, step), id, 'of one key'),
    )
    const version = { expectedVersion: 5 }
    const more = await outcomeOf(() => ofAda.disable(id, version))
    const history = await outcomeOf(() => ofAda.history({ keyId: id }))
    return [shown, more.shown, history.shown, watch.calls.join(' ')].map((text) =>
      shownPlaces(text),
    )
  }
  const [one, other] = [await see(foreign), await see(UNKNOWN)]
  return one.join('\n') === other.join('\n')
    ? undefined
    : `another owner's id differs from an unknown one:\n${one.join('\n')}\n-\n${other.join('\n')}`
}

// A cursor names its query, and so the id. Only its place is compared.
function shownPlaces(text: string): string {
  return text.replace(/"nextCursor":"([^"]+)"/, (_, cursor: string) =>
    JSON.stringify(JSON.parse(Buffer.from(cursor, 'base64url').toString()).slice(1)),
  )
}

interface Watch {
  readonly store: KeyStore
  readonly records: ReadonlyMap<string, KeyRecord>
  /** The methods that were called, in order. */
  readonly calls: string[]
  ids(): string[]
  readonly failure: string | undefined
}

type Judge = (
  before: KeyRecord | undefined,
  next: KeyRecord | undefined,
  entry: HistoryEntry,
) => void

// Passes each call on after a random number of turns, so that calls of different operations mix.
function watchedStore(random: Random, judgement: Judge): Watch {
  const inner = memoryStore()
  const records = new Map<string, KeyRecord>()
  const calls: string[] = []
  const watch = { failure: undefined as string | undefined }
  const wait = async (method: string) => {
    calls.push(method)
    for (let turns = random.below(4); turns > 0; turns--) await undefined
  }
  const check = (next: KeyRecord | undefined, id: string, entry: HistoryEntry | undefined) => {
    const before = records.get(id)
    if (next === undefined) records.delete(id)
    else records.set(id, next)
    try {
      if (entry === undefined) throw new Error(`a change of ${id} has no entry`)
      judgement(before, next, entry)
    } catch (error) {
      watch.failure ??= (error as Error).message
    }
  }
  const store: KeyStore = {
    async get(id) {
      await wait('get')
      return inner.get(id)
    },
    async put(next, version, entry) {
      await wait('put')
      const outcome = await inner.put(next, version, entry)
      if (outcome === 'stored' && next.kind === 'key') check(next, next.id, entry)
      return outcome
    },
    async delete(id, version, entry) {
      await wait('delete')
      const outcome = await inner.delete(id, version, entry)
      if (outcome === 'deleted') check(undefined, id, entry)
      return outcome
    },
    async list(query) {
      await wait('list')
      return inner.list(query)
    },
    async history(query) {
      await wait('history')
      return inner.history(query)
    },
    forgetHistory: (before) => inner.forgetHistory(before),
    recordUse: (uses) => inner.recordUse(uses),
  }
  return {
    store,
    records,
    calls,
    ids: () => [...records.keys()].slice(-30),
    get failure() {
      return watch.failure
    },
  }
}

function explained(seed: number, step: number, problem: string): Error {
  return new Error(`seed ${seed}, step ${step}: ${problem}`)
}
