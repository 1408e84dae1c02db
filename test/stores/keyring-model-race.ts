import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { Twinkey } from 'twinkey'
import type { ModelEntry } from './keyring-model-entry.ts'
import { hasEntries, readBack } from './keyring-model-history.ts'
import {
  type BoundChange,
  type Change,
  type Changed,
  changed,
  insists,
  type ModelKey,
  type ModelSecret,
} from './keyring-model-key.ts'
import {
  bind,
  hold,
  madeBy,
  type Outcome,
  outcomeOf,
  shown,
  shownOf,
} from './keyring-model-management.ts'
import { expectedVerdict, settle, verdictOf } from './keyring-model-requests.ts'
import {
  count,
  type Holder,
  heard,
  holdersAmong,
  type KeyringCommand,
  type KeyringModel,
  pickKey,
  pickOf,
  possibleHolders,
} from './keyring-model-state.ts'

interface Racer {
  readonly node: number
  readonly how: Change
}

interface Witness {
  readonly node: number
  readonly pick: number
  /** Whether its node has just evicted the key, so that it reads while the key changes. */
  readonly cold: boolean
}

interface Finish {
  readonly node: number
  readonly how: BoundChange
  readonly outcome: Outcome
  /** What the racer's node answers for a secret of the key right after its change. */
  readonly verdict: object
}

// One change after the other, and for each the key after it and its entry in the history.
type Course = readonly {
  readonly finish: Finish
  readonly key: ModelKey | undefined
  readonly entry?: ModelEntry
}[]

/**
 * Two changes of one key and a verification of one of its secrets, all at the same time. The result
 * must be as if one change had come after the other, or as if a change that fails with
 * `version_conflict` had never happened. The history tells in which order. A node sees its own change at once. Otherwise a
 * verification sees the key as it was at some moment of the race.
 */
export function race(
  pick: number,
  racers: readonly [Racer, Racer],
  witness: Witness,
  pauses: readonly number[],
): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      await heard(model, nodes)
      const id = pickKey(model, pick)
      const secrets = model.secrets.filter(({ keyId }) => keyId === id)
      const credential = pickOf(secrets, witness.pick)
      const start = model.keys.get(id)?.latest
      if (witness.cold) {
        nodes.forget(witness.node, id)
        model.keys.get(id)?.caughtUp(witness.node)
      }
      const finishes: Finish[] = []
      let seen: object = {}
      const now = model.clock.now()
      const finish = async ({ node, how: unbound }: Racer) => {
        const twinkey = nodes.twinkeys[node] as Twinkey
        const how = bind(model, id, unbound)
        const outcome = await outcomeOf(model, twinkey, id, how)
        finishes.push({ node, how, outcome, verdict: await verdictOf(twinkey, credential) })
      }
      const look = async () => {
        seen = await verdictOf(nodes.twinkeys[witness.node] as Twinkey, credential)
      }
      await nodes.race(pauses, [...racers.map((racer) => () => finish(racer)), look])

      const view = await nodes.twinkeys[witness.node]?.keys.get(id)
      const made = await readBack(model, nodes.twinkeys[0] as Twinkey, { keyId: id, limit: 100 })
      const explains = (course: Course) =>
        hasEntries(made, [
          ...model.entries.filter(({ keyId }) => keyId === id),
          ...course.flatMap(({ entry }) => entry ?? []),
        ]) &&
        isDeepStrictEqual(
          shownOf({ key: course.length === 0 ? start : course.at(-1)?.key }, now),
          shown({ view }),
        ) &&
        isOneOf(now, seen, [
          ...possibleHolders(model, witness.node, credential),
          ...holdersIn(model, witness.node, credential, course),
        ]) &&
        finishes.every((each) => {
          const place = course.findIndex((step) => step.finish === each)
          const [before, since] =
            place < 0
              ? [possibleHolders(model, each.node, credential), course]
              : [[], course.slice(place)]
          return isOneOf(now, each.verdict, [
            ...before,
            ...holdersIn(model, each.node, credential, since),
          ])
        })
      const course = coursesOf(model, start, finishes as [Finish, Finish]).find(explains)
      if (course === undefined) {
        const told = finishes.map(({ outcome, ...rest }) => ({ ...rest, outcome: shown(outcome) }))
        const all = {
          start: shownOf({ key: start }, now),
          told,
          seen,
          credential: credential.id,
          view,
          made,
        }
        throw new Error(
          `no order of the changes explains how they came out: ${JSON.stringify(all)}`,
        )
      }
      for (const { finish, ...after } of course) hold(model, id, after, finish.node)
      for (const { node, verdict } of [...finishes, { node: witness.node, verdict: seen }])
        await settle(model, nodes.twinkeys[node] as Twinkey, credential, 'slot' in verdict)
      const lost = finishes.some(({ outcome }) => outcome.fault === 'version_conflict')
      count(model, 'race', lost ? 'one lost' : 'one after the other')
    },
    toString: () =>
      `race(key ${pick}, ${fc.stringify(racers)}, ${fc.stringify(witness)}, ${fc.stringify(pauses)})`,
  }
}

// Every order of the changes that explains all outcomes.
function coursesOf(
  model: KeyringModel,
  start: ModelKey | undefined,
  [one, two]: readonly [Finish, Finish],
): Course[] {
  const orders: (readonly [Finish, Finish])[] = [
    [one, two],
    [two, one],
  ]
  const whole = orders.map((order) => courseOf(model, start, order))
  // The loser has changed nothing, and has lost to a change.
  const lost = orders.map(([loser, winner]) => {
    if (loser.outcome.fault !== 'version_conflict' || insists(loser.how)) return undefined
    const course = courseOf(model, start, [winner])
    return course?.some(({ key }) => key !== start) ? course : undefined
  })
  return [...whole, ...lost].filter((course) => course !== undefined)
}

function courseOf(
  model: KeyringModel,
  start: ModelKey | undefined,
  order: readonly Finish[],
): Course | undefined {
  const now = model.clock.now()
  const course: Course[number][] = []
  let key = start
  for (const finish of order) {
    const { how, outcome } = finish
    // A delete succeeds if another call deletes the key meanwhile.
    const alreadyGone =
      how.kind === 'delete' &&
      key === undefined &&
      start !== undefined &&
      outcome.fault === undefined
    const expected: Changed = alreadyGone ? { key } : changed(key, how, madeBy(outcome), now)
    if (!isDeepStrictEqual(shownOf(expected, now), shown(outcome))) return undefined
    if ('fault' in expected) continue
    key = expected.key
    course.push({ finish, ...expected })
  }
  return course
}

function holdersIn(
  model: KeyringModel,
  node: number,
  credential: ModelSecret,
  course: Course,
): Holder[] {
  return holdersAmong(
    model,
    node,
    credential,
    course.map(({ key }) => key),
  )
}

function isOneOf(now: number, verdict: object, holders: readonly Holder[]): boolean {
  return holders.some((holder) => isDeepStrictEqual(expectedVerdict(holder, now), verdict))
}
