import fc from 'fast-check'
import type { Scope } from 'twinkey'
import { consume, forgetHistory, history, withHistory } from './keyring-model-history.ts'
import type { Change } from './keyring-model-key.ts'
import { type Listing, list, revokeAll } from './keyring-model-lists.ts'
import { change, create, get } from './keyring-model-management.ts'
import { NODES } from './keyring-model-nodes.ts'
import { race } from './keyring-model-race.ts'
import { authenticate, issue, verify, verifyAt } from './keyring-model-requests.ts'
import type { KeyringCommand } from './keyring-model-state.ts'
import { advance, changeOwner, forget } from './keyring-model-surroundings.ts'

export const OWNERS = ['ada', 'bob'] as const
const TENANTS = ['t1', 't2', 't3']

const node = fc.nat(NODES - 1)
const pick = fc.nat(1000)
const reachOf = (...names: string[]) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constant('*' as const) },
    { weight: 20, arbitrary: fc.shuffledSubarray(names, { minLength: 1 }) },
    { weight: 1, arbitrary: fc.constant([]) },
  )
const axes = {
  tenants: reachOf(...TENANTS),
  environments: reachOf('live', 'test', 'elsewhere'),
  workflows: reachOf('read', 'write'),
}
const someAxes = fc.record(axes, { requiredKeys: [] })
const target = fc.record({
  tenant: fc.constantFrom(undefined, ...TENANTS),
  environment: fc.constantFrom(undefined, 'live', 'live', 'test', 'test', 'elsewhere'),
  workflow: fc.constantFrom(undefined, 'read', 'write'),
})
const credential = fc.record({
  kind: fc.constantFrom('secret' as const, 'secret' as const, 'token' as const),
  pick,
})
const metadata = fc.constantFrom({}, { plan: 'free' }, { plan: 'paid', seats: [1, 2.5, null] })
const name = fc.constantFrom('a', 'AB', '\uff41bc', 'ümlaut \u{1f511}')
const lifetimes = [1, 1500, 5000, 90_000, 10 * 86_400_000]
const expiresIn = fc.constantFrom(null, null, null, null, ...lifetimes)
const tokens = fc.constantFrom(true, true, true, false)
// The actor, and the version that a change expects.
const actor = fc.constantFrom('ann', 'Änne \u{1f511}')
const base = fc.constantFrom('current' as const, 'current' as const, 'stale' as const)
const options = { actor, base }

const rotation = fc.record({
  kind: fc.constant('rotate' as const),
  graceSeconds: fc.constantFrom(undefined, 0, 1, 4, 60, 86_400),
  replace: fc.constantFrom(undefined, 'secondary' as const),
})
const renewal = fc.record({
  kind: fc.constant('renew' as const),
  slots: fc.constantFrom('primary' as const, 'secondary' as const, 'both' as const),
})
const update = fc.record(
  {
    ...{ name, metadata, tokens, scope: someAxes, kind: fc.constant('update' as const) },
    // 0 ends the key at once.
    expiresIn: fc.constantFrom(null, null, null, 0, ...lifetimes),
  },
  { requiredKeys: ['kind'] },
)
const plain = (kind: 'enable' | 'disable' | 'endSecondary' | 'revoke' | 'delete') =>
  fc.constant({ kind })
const anyKind = fc.oneof(
  { weight: 5, arbitrary: rotation },
  { weight: 5, arbitrary: renewal },
  { weight: 5, arbitrary: update },
  { weight: 5, arbitrary: plain('enable') },
  { weight: 3, arbitrary: plain('disable') },
  { weight: 2, arbitrary: plain('endSecondary') },
  { weight: 1, arbitrary: plain('revoke') },
  { weight: 1, arbitrary: plain('delete') },
)
const anyChange: fc.Arbitrary<Change> = fc
  .tuple(
    anyKind,
    fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.record(options, { requiredKeys: [] }) },
    ),
  )
  .map(([how, more]) => ({ ...how, ...more }))
// The nodes of the two racers and of the observer.
const where = fc.constantFrom(
  [0, 1, 0],
  [0, 1, 1],
  [1, 0, 2],
  [2, 1, 2],
  [0, 2, 0],
  [2, 2, 2],
  [0, 0, 0],
)
const pauses = fc.array(fc.oneof(fc.nat(8), fc.nat(60)), { maxLength: 24 })
const racing = fc
  .tuple(
    pick,
    where,
    fc.tuple(anyChange, anyChange),
    fc.record({ pick, cold: fc.boolean() }),
    pauses,
  )
  .map(([key, [one = 0, two = 0, witness = 0], [first, second], look, turns]) => {
    const racers = [
      { node: one, how: first },
      { node: two, how: second },
    ] as const
    return race(key, racers, { node: witness, ...look }, turns)
  })
const tenant = fc.constantFrom(...TENANTS)
const owner = fc.constantFrom(null, ...OWNERS)
const state = fc.constantFrom(
  'active' as const,
  'disabled' as const,
  'expired' as const,
  'revoked' as const,
)
const creation = fc.record({
  ...{ name, metadata, expiresIn, tokens, secondary: fc.boolean(), owner },
  actor: fc.option(actor, { nil: undefined }),
  scope: fc.record(axes, { requiredKeys: ['tenants', 'workflows'] }),
})
const filters = {
  ...{ tenant, owner, state, secret: pick },
  name: fc.constantFrom('A', 'aB', 'ÜM', 'c'),
  expiresWithin: fc.constantFrom(1, 2000, 100_000, 30 * 86_400_000),
  unusedFor: fc.constantFrom(-1, 0, 1000, 60_000),
}
const sort = fc.constantFrom('newest' as const, 'oldest' as const)
const listing = fc.oneof(
  fc.record({ ...filters, sort }, { requiredKeys: [] }),
  ...Object.entries(filters).map(([member, filter]) =>
    fc.record({ [member]: filter as fc.Arbitrary<unknown>, sort }, { requiredKeys: [member] }),
  ),
  fc.record({ sort }, { requiredKeys: [] }),
) as fc.Arbitrary<Listing>
const ofHistory = fc.oneof(
  fc.record({ key: pick }),
  fc.record({ key: pick, owner, tenant }, { requiredKeys: [] }),
)
const whose = fc.oneof(fc.record({ owner: fc.constantFrom(...OWNERS) }), fc.record({ tenant }))
const ceiling: fc.Arbitrary<Scope | undefined> = fc.option(fc.record(axes), {
  nil: undefined,
  freq: 1,
})
const time = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 300, 999, 1000, 2500, 4999, 5000) },
  { weight: 3, arbitrary: fc.constantFrom(20_000, 59_999, 60_000) },
  { weight: 1, arbitrary: fc.constantFrom(3_600_000, 86_400_000) },
)

const offset = fc.integer({ min: -1, max: 1 })

/** About how many of a hundred commands are of each kind. */
const WEIGHTED: readonly (readonly [number, fc.Arbitrary<KeyringCommand>])[] = [
  [12, fc.tuple(node, creation).map((args) => create(...args))],
  [15, fc.tuple(node, pick, anyChange).map((args) => change(...args))],
  [8, racing],
  [22, fc.tuple(node, credential).map((args) => verify(...args))],
  [10, fc.tuple(node, credential, target).map((args) => authenticate(...args))],
  [
    8,
    fc
      .tuple(node, pick, fc.oneof(fc.constant({}), someAxes), fc.constantFrom(undefined, 1, 5, 600))
      .map((args) => issue(...args)),
  ],
  [8, time.map(advance)],
  [
    8,
    fc
      .tuple(fc.constantFrom('end' as const, 'seen' as const), node, pick, offset)
      .map((args) => verifyAt(...args)),
  ],
  [4, fc.tuple(node, pick).map((args) => get(...args))],
  [6, fc.tuple(node, listing, fc.constantFrom(1, 1, 2, 3, 100)).map((args) => list(...args))],
  [3, fc.tuple(node, ofHistory, fc.constantFrom(1, 2, 3, 100)).map((args) => history(...args))],
  [3, fc.tuple(node, fc.constantFrom(1, 2, 5, 100), fc.boolean()).map((args) => consume(...args))],
  [1, fc.tuple(node, pick, offset).map((args) => forgetHistory(...args))],
  [2, fc.tuple(node, whose).map((args) => revokeAll(...args))],
  [
    8,
    fc
      .tuple(fc.constantFrom(...OWNERS), ceiling, fc.subarray([0, 1, 2]), pick)
      .map((args) => changeOwner(...args)),
  ],
  [3, fc.tuple(node, fc.option(pick, { nil: undefined, freq: 1 })).map((args) => forget(...args))],
]

/**
 * Sequences of all commands.
 *
 * @param replayPath From the output of a failure, to reproduce it.
 */
export function sequences(
  maxCommands: number,
  replayPath: string | undefined,
): fc.Arbitrary<Iterable<KeyringCommand>> {
  // A command that is listed twice is generated twice as often.
  const commands = WEIGHTED.flatMap(([weight, command]) =>
    Array.from({ length: weight }, () => command.map(withHistory)),
  )
  return fc.commands(commands, {
    maxCommands,
    size: 'max',
    ...(replayPath === undefined ? {} : { replayPath }),
  })
}
