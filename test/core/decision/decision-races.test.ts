import { createTwinkey, from, isTwinkeyError, memoryStore, type Scope, type Twinkey } from 'twinkey'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { PLAIN } from '../../clients/imported.ts'
import { signingKey } from '../../support/bench.ts'
import { type Clock, createClock } from '../../support/clock.ts'
import { pausedStore, seeded, turns } from '../../support/racing-store.ts'
import { rounds } from '../../support/rounds.ts'

// A decision pauses while it awaits a throttle, the store, the owner lookup or a signature. A
// change on this node during a pause must affect the decision.

type Random = () => number

const ALL: Scope = { tenants: '*', environments: '*', workflows: '*' }
const DAY_SECONDS = 86_400
// The most turns that a promise resolved inside the decision takes to reach the caller.
const ARRIVAL_TURNS = 8
const RACES = rounds(10_000)

/** One node over a store, and another node over the same store that receives no change feed. */
interface World {
  readonly random: Random
  readonly clock: Clock
  readonly node: Twinkey
  readonly other: Twinkey
  /** The scope of each owner. */
  readonly reach: Map<string, Scope>
  readonly requirements: Readonly<
    Record<'secret' | 'token' | 'imported', readonly CheckedRequirement[]>
  >
  readonly hasOwners: boolean
  /** Another caller, whose requests evict entries from a small cache. */
  bystander: Caller | undefined
  slow: boolean
  pause(): Promise<void>
}

const worlds: World[] = []

function createWorld(seed: number): World {
  const random = seeded(seed)
  const clock = createClock()
  const reach = new Map<string, Scope>()
  const inner = memoryStore()
  const pause = () => (world.slow ? turns(random) : Promise.resolve())
  const { watch, ...store } = pausedStore(inner, pause)
  const { watch: _untold, ...silent } = inner
  const ownerScope = async (owner: string) => {
    await pause()
    const found = reach.get(owner)
    await pause()
    return found
  }
  const hasOwners = random() < 0.7
  const common = {
    now: clock.now,
    importedSecrets: [PLAIN],
    deadlineSeconds: 60,
    tokens: { signingKeys: [signingKey] },
  }
  const options = {
    ...common,
    ...(hasOwners ? { ownerScope } : {}),
    cache: { maxAgeSeconds: pick(random, [0, 5, 3600]), maxKeys: pick(random, [1, 2, 1000]) },
  }
  const throttle = {
    retryAfterSeconds: pause as () => Promise<undefined>,
    failed: pause,
    peer: () => 'peer',
  }
  const requirement = (accept?: ['secret'] | ['token']) => {
    const tenant = random() < 0.5 ? 't' : from.header('x-tenant')
    return new CheckedRequirement({
      tenant,
      accept,
      optional: random() < 0.3,
      throttle: random() < 0.5 ? throttle : undefined,
    })
  }
  const world: World = {
    random,
    clock,
    reach,
    hasOwners,
    bystander: undefined,
    node: createTwinkey({
      ...options,
      store: random() < 0.5 ? { ...store, watch: watch as NonNullable<typeof watch> } : store,
    }),
    other: createTwinkey({ ...common, store: silent, cache: { maxAgeSeconds: 0 } }),
    requirements: {
      secret: [requirement(), requirement(['secret'])],
      token: [requirement(), requirement(['token'])],
      imported: [requirement(), requirement(['secret'])],
    },
    slow: false,
    pause,
  }
  return world
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T
}

/** A caller with a key of its own. */
interface Caller {
  readonly id: string
  readonly owner: string
  readonly slot: 'primary' | 'secondary'
  readonly secret: string
  /** The credential to send: the secret, or a token issued for it. */
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
  readonly requirement: CheckedRequirement
}

let callers = 0

async function createCaller(
  world: World,
  kinds: readonly ('secret' | 'token' | 'imported')[],
): Promise<Caller> {
  const { random, clock, other, reach, requirements } = world
  const kind = pick(random, kinds)
  const owner = `owner-${++callers}`
  reach.set(owner, ALL)
  const input = {
    name: 'n',
    owner,
    scope: { tenants: ['t'], workflows: '*' as const },
    expiresAt: clock.now() + DAY_SECONDS * 1000,
  }
  let [id, secret, slot]: [string, string, Caller['slot']] = ['', '', 'primary']
  if (kind === 'imported') {
    // An imported secret that looks like a token.
    secret = `eyJ${String(callers).padStart(20, 'x')}.${'y'.repeat(20)}`
    id = (await other.keys.import({ ...input, primary: { secret, entropyBits: 128 } })).id
  } else {
    const made = await other.keys.create(input)
    slot = pick(random, ['primary', 'secondary'])
    id = made.key.id
    secret = made[slot] as string
  }
  const issued = kind === 'token' ? await other.tokens.issue(secret) : undefined
  const text = issued?.ok ? issued.token : secret
  const headers = {
    'x-tenant': 't',
    ...(kind !== 'token' && random() < 0.3
      ? { 'x-api-key': text }
      : { authorization: `Bearer ${text}` }),
  }
  return { id, owner, slot, secret, text, headers, requirement: pick(random, requirements[kind]) }
}

async function ask({ node }: World, { headers, requirement }: Caller): Promise<string> {
  const request = {
    method: 'GET',
    url: '/',
    header: (name: string) => headers[name as 'x-tenant'],
    param: () => undefined,
  }
  const decision = await node.authenticate(request, requirement)
  if (!decision.ok) return decision.refusal.code
  return decision.principal === undefined ? 'nobody' : 'let in'
}

type Change = (world: World, caller: Caller) => Promise<unknown>

const ENDINGS: readonly Change[] = [
  ({ node }, { id }) => node.keys.disable(id),
  ({ node }, { id }) => node.keys.revoke(id),
  ({ node }, { id }) => node.keys.delete(id),
  ({ node }, { owner }) => node.keys.revokeAll({ owner }),
  ({ node }, { id, slot }) => node.keys.renew(id, { slots: slot }),
  ({ node }, { id, slot }) =>
    slot === 'secondary'
      ? node.keys.rotate(id, { replace: 'secondary' })
      : node.keys.rotate(id, { graceSeconds: 0, replace: 'secondary' }),
  ({ node }, { id }) => node.keys.update(id, { scope: { tenants: ['t2'] } }),
  async ({ node, clock }, { id }) => {
    await node.keys.update(id, { expiresAt: clock.now() + 20_000 })
    clock.advance(40_000)
  },
  async ({ clock }) => clock.advance((DAY_SECONDS + 100) * 1000),
  async (world, caller) => {
    world.reach.set(
      caller.owner,
      pick(world.random, [
        { ...ALL, tenants: ['t2'] },
        { ...ALL, tenants: [] },
      ]),
    )
    await world.node.invalidateOwner(caller.owner)
  },
  async ({ node, reach }, { owner }) => {
    reach.delete(owner)
    await node.invalidateOwner(owner)
  },
]
// The last two change the owner scope, not the key.
const KEY_ENDINGS = ENDINGS.slice(0, -2)

const ONWARD: readonly Change[] = [
  ({ node }, { id }) => node.keys.update(id, { name: 'renamed' }),
  ({ other }, { id }) => other.keys.update(id, { metadata: { changed: true } }),
  ({ node }, { owner }) => node.invalidateOwner(owner),
  ({ node }, { id, slot }) =>
    node.keys.renew(id, { slots: slot === 'primary' ? 'secondary' : 'primary' }),
  async ({ clock }) => clock.advance(3000),
  async (world) => void (await ask(world, world.bystander as Caller)),
  async (world, caller) => void (await ask(world, caller)),
]
const HARMLESS: readonly Change[] = [...ONWARD, async ({ clock }) => clock.advance(-3000)]

/** Repeats a change until it wins against the changes that it races. */
async function updateWithRetry(change: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void (await change())
    } catch (error) {
      if (isTwinkeyError(error) && (error.code === 'key_not_found' || error.code === 'key_revoked'))
        return
      if (!isTwinkeyError(error) || error.code !== 'version_conflict') throw error
    }
  }
}

async function disturb(world: World, caller: Caller, changes = HARMLESS): Promise<void> {
  for (let left = Math.floor(world.random() * 3); left > 0; left--) {
    await turns(world.random)
    const change = pick(world.random, changes)
    await updateWithRetry(() => change(world, caller))
  }
}

async function slowly<T>(world: World, race: () => Promise<T>): Promise<T> {
  world.slow = true
  try {
    return await race()
  } finally {
    world.slow = false
  }
}

const KINDS = [
  ...Array.from({ length: 16 }, () => 'secret' as const),
  'imported',
  'imported',
  'token',
] as const

/** Runs races one after the other, over all worlds in turn, and counts their outcomes. */
async function races(
  rounds: number,
  race: (world: World) => Promise<string>,
): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    const world = worlds[round % worlds.length] as World
    world.bystander ??= await createCaller(world, ['secret'])
    const outcome = await race(world)
    seen[outcome] = (seen[outcome] ?? 0) + 1
  }
  return seen
}

describe('while a decision pauses', () => {
  beforeEach(() => {
    worlds.splice(0, worlds.length, ...Array.from({ length: 40 }, (_, seed) => createWorld(seed)))
    const { verify } = crypto.subtle
    vi.spyOn(crypto.subtle, 'verify').mockImplementation(async (...args) => {
      const isRight = await verify.apply(crypto.subtle, args)
      await turns(worlds[0]?.random as Random)
      return isRight
    })
  })
  afterEach(() => vi.restoreAllMocks())

  it(`a credential that ends on this node is not accepted afterwards: ${RACES} races`, async () => {
    const seen = await races(RACES, async (world) => {
      const { random, hasOwners, node } = world
      const caller = await createCaller(world, KINDS)
      if (random() < 0.5) await ask(world, caller)
      if (random() < 0.3) await node.invalidateOwner(caller.owner)
      const end = pick(random, hasOwners ? ENDINGS : KEY_ENDINGS)
      let when = 'before'
      const ending = async () => {
        await turns(random)
        await updateWithRetry(() => end(world, caller))
        for (let left = ARRIVAL_TURNS; left > 0; left--) await undefined
        when = 'after'
      }
      const outcome = await slowly(world, async () => {
        const asking = ask(world, caller).then((verdict) => `${verdict} ${when}`)
        return (await Promise.all([asking, ending(), disturb(world, caller)]))[0]
      })
      return (await ask(world, caller)) === 'let in' ? 'let in by the next request' : outcome
    })
    for (const wrong of ['let in after', 'let in by the next request'])
      expect(seen).not.toHaveProperty(wrong)
    // Most races really interleave, and both outcomes occur.
    for (const outcome of ['let in before', 'credential_invalid after'])
      expect(seen[outcome]).toBeGreaterThan(RACES / 5)
    expect(seen['tenant_denied after']).toBeGreaterThan(RACES / 20)
  })

  it('a credential that stays valid is let in, whatever else changes', async () => {
    const seen = await races(1000, async (world) => {
      const caller = await createCaller(world, KINDS)
      if (world.random() < 0.5) await ask(world, caller)
      return slowly(
        world,
        async () =>
          (
            await Promise.all([ask(world, caller), disturb(world, caller), disturb(world, caller)])
          )[0],
      )
    })
    expect(seen).toEqual({ 'let in': 1000 })
  })

  it('a credential that another node has enabled is let in, not refused by a record read before the request', async () => {
    const seen = await races(1000, async (world) => {
      const { random, clock, other } = world
      const caller = await createCaller(world, KINDS)
      if (random() < 0.5) await ask(world, caller)
      await other.keys.disable(caller.id)
      return slowly(world, async () => {
        // The read of the early request may still be under way when the next request arrives.
        const early = ask(world, caller)
        if (random() < 0.5) await early
        await other.keys.enable(caller.id)
        clock.advance(1000)
        return (await Promise.all([ask(world, caller), disturb(world, caller, ONWARD), early]))[0]
      })
    })
    expect(seen).toEqual({ 'let in': 1000 })
  })
})
