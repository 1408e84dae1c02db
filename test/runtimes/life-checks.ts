import { createTwinkey, isTwinkeyError, type Twinkey, TwinkeyError } from 'twinkey'
import { createBench } from '../support/bench.ts'
import { anyTarget, byHeaders, codeOf, sent, verdict } from '../support/sent.ts'
import { type Check, errorCodeOf, holds, same, thrownBy } from './check.ts'

const scope = { tenants: ['t1'], workflows: ['a', 'b'] }
const MINUTE = 60_000

async function keyFor(
  more: { secondary?: false; expiresAt?: number; owner?: string } = {},
  options: Parameters<typeof createBench>[0] = {},
) {
  const bench = createBench(options)
  const { key, primary, secondary } = await bench.twinkey.keys.create({
    name: 'one',
    scope,
    ...more,
  })
  return {
    ...bench,
    keys: bench.twinkey.keys,
    id: key.id,
    key,
    primary,
    secondary: secondary ?? '',
  }
}
const verdicts = (twinkey: Twinkey, ...secrets: string[]) =>
  Promise.all(secrets.map((secret) => verdict(twinkey, secret)))
const INVALID = 'credential_invalid'
const LET_IN = 'let in'

const rotationChecks: readonly Check[] = [
  {
    name: 'rotation keeps the old secret active to the last millisecond of its grace, and no longer',
    async run() {
      const { twinkey, keys, clock, id, primary } = await keyFor({ secondary: false })
      const { primary: secret } = await keys.rotate(id, { graceSeconds: 60 })
      same(await verdicts(twinkey, secret, primary), [LET_IN, LET_IN])
      clock.advance(MINUTE - 1)
      same(await verdicts(twinkey, secret, primary), [LET_IN, LET_IN])
      clock.advance(1)
      same(await verdicts(twinkey, secret, primary), [LET_IN, INVALID])
    },
  },
  {
    name: 'rotation without a grace ends the old secret at once',
    async run() {
      const { twinkey, keys, id, primary } = await keyFor({ secondary: false })
      same(await verdict(twinkey, primary), LET_IN)
      const { primary: secret } = await keys.rotate(id, { graceSeconds: 0 })
      same(await verdicts(twinkey, secret, primary), [LET_IN, INVALID])
    },
  },
  {
    name: 'rotation ends no active secret that was not named',
    async run() {
      const { twinkey, keys, id, primary, secondary } = await keyFor()
      same(await errorCodeOf(() => keys.rotate(id)), 'secondary_live')
      same(await verdicts(twinkey, primary, secondary), [LET_IN, LET_IN])
      const { primary: secret } = await keys.rotate(id, { replace: 'secondary' })
      same(await verdicts(twinkey, secret, primary, secondary), [LET_IN, LET_IN, INVALID])
    },
  },
  ...(['primary', 'secondary'] as const).map(
    (slot): Check => ({
      name: `renewing the ${slot} secret leaves the other alone`,
      async run() {
        const { twinkey, keys, id, primary, secondary } = await keyFor()
        same(await verdicts(twinkey, primary, secondary), [LET_IN, LET_IN])
        const renewed = await keys.renew(id, { slots: slot })
        const secret = renewed[slot] as string
        const [old, other] = slot === 'primary' ? [primary, secondary] : [secondary, primary]
        same(await verdicts(twinkey, secret, other, old), [LET_IN, LET_IN, INVALID])
      },
    }),
  ),
  {
    name: 'of two changes that race, one wins',
    async run() {
      const { keys, id } = await keyFor()
      const names = await Promise.all(
        ['x', 'y'].map((name) => errorCodeOf(() => keys.update(id, { name }))),
      )
      same(names.sort(), ['no fault', 'version_conflict'])
    },
  },
]

const endingChecks: readonly Check[] = [
  {
    name: 'a disabled key is refused at once, and works again when it is enabled',
    async run() {
      const { twinkey, keys, id, primary, secondary } = await keyFor()
      same(await verdicts(twinkey, primary, secondary), [LET_IN, LET_IN])
      await keys.disable(id)
      same(await verdicts(twinkey, primary, secondary), [INVALID, INVALID])
      await keys.enable(id)
      same(await verdicts(twinkey, primary, secondary), [LET_IN, LET_IN])
    },
  },
  {
    name: 'a revoked key is refused for good',
    async run() {
      const { twinkey, keys, id, primary, secondary } = await keyFor()
      same(await verdict(twinkey, primary), LET_IN)
      await keys.revoke(id)
      same(await verdicts(twinkey, primary, secondary), [INVALID, INVALID])
      same(await errorCodeOf(() => keys.enable(id)), 'key_revoked')
    },
  },
  {
    name: 'a deleted key is refused and gone',
    async run() {
      const { twinkey, keys, id, primary } = await keyFor()
      same(await verdict(twinkey, primary), LET_IN)
      await keys.delete(id)
      same([await verdict(twinkey, primary), await keys.get(id)], [INVALID, undefined])
      same(await errorCodeOf(() => keys.disable(id)), 'key_not_found')
    },
  },
  {
    name: 'an expiring key is active to its last millisecond, and no longer',
    async run() {
      const { twinkey, keys, clock, id, primary, secondary } = await keyFor()
      await keys.update(id, { expiresAt: clock.now() + MINUTE })
      clock.advance(MINUTE - 1)
      same(await verdicts(twinkey, primary, secondary), [LET_IN, LET_IN])
      clock.advance(1)
      same(await verdicts(twinkey, primary, secondary), [INVALID, INVALID])
      clock.advance(-1)
      same(await verdict(twinkey, primary), LET_IN)
    },
  },
  {
    name: 'all keys of an owner are ended',
    async run() {
      const { twinkey, keys, primary } = await keyFor({ owner: 'ada' })
      same(await verdict(twinkey, primary), LET_IN)
      same(await keys.revokeAll({ owner: 'ada' }), { revoked: 1, narrowed: 0 })
      same(await verdict(twinkey, primary), INVALID)
    },
  },
  {
    name: 'a key never reaches more than its owner does now',
    async run() {
      let reach: 'all' | 'none' = 'all'
      const ownerScope = () =>
        reach === 'all' ? ({ tenants: '*', environments: '*', workflows: '*' } as const) : undefined
      const { twinkey, primary } = await keyFor({ owner: 'ada' }, { ownerScope })
      const request = sent({ credential: primary, tenant: 't1', workflow: 'a', environment: 'e' })
      same(codeOf(await twinkey.authenticate(request, byHeaders)), LET_IN)
      reach = 'none'
      await twinkey.invalidateOwner('ada')
      same(codeOf(await twinkey.authenticate(request, byHeaders)), 'tenant_denied')
    },
  },
]

const targetChecks: readonly Check[] = [
  {
    name: 'tenant, environment and workflow must be covered by the key',
    async run() {
      const { twinkey } = createBench()
      const { primary } = await twinkey.keys.create({
        name: 'one',
        scope: { tenants: ['t1'], environments: ['e'], workflows: ['a'] },
      })
      const ask = async (
        tenant: string | undefined,
        environment: string | undefined,
        workflow: string | undefined,
      ) =>
        codeOf(
          await twinkey.authenticate(
            sent({ credential: primary, tenant, environment, workflow }),
            byHeaders,
          ),
        )
      same(
        [
          await ask('t1', 'e', 'a'),
          await ask('t2', 'e', 'a'),
          await ask('t1', 'f', 'a'),
          await ask('t1', 'e', 'b'),
        ],
        [LET_IN, 'tenant_denied', 'environment_denied', 'workflow_denied'],
      )
      same(
        [
          await ask(undefined, 'e', 'a'),
          await ask('t1', undefined, 'a'),
          await ask('t1', 'e', undefined),
        ],
        [LET_IN, 'target_missing', 'target_missing'],
      )
    },
  },
  {
    name: 'the principal is frozen and identifies its key',
    async run() {
      const { twinkey, primary, id } = await keyFor({ owner: 'ada' })
      const decision = await twinkey.authenticate(
        sent({ credential: primary, workflow: 'a' }),
        byHeaders,
      )
      if (!decision.ok) throw new Error(decision.refusal.code)
      const { keyId, name, owner, slot, via, tenant, workflow } = decision.principal
      same(
        { keyId, name, owner, slot, via, tenant, workflow },
        {
          keyId: id,
          name: 'one',
          owner: 'ada',
          slot: 'primary',
          via: 'secret',
          tenant: 't1',
          workflow: 'a',
        },
      )
      holds(Object.isFrozen(decision.principal), 'the principal can be changed')
    },
  },
  {
    name: 'a misspelt option is rejected at construction',
    run() {
      const misspelt = { prefix: ['acme'] } as object
      same(
        thrownBy(() => createTwinkey(misspelt)),
        'TypeError',
      )
      same(
        thrownBy(() => createTwinkey({ prefixes: ['not a prefix'] })),
        'RangeError',
      )
    },
  },
]

const storeChecks: readonly Check[] = [
  {
    name: 'a failing store is unavailable, and is asked again',
    async run() {
      const { twinkey, spy, primary } = await keyFor()
      spy.override({ get: async () => Promise.reject(new Error('connection lost')) })
      same(await verdict(twinkey, primary), 'unavailable')
      spy.override({})
      same(await verdict(twinkey, primary), LET_IN)
    },
  },
  {
    name: 'a hanging store is unavailable after the deadline',
    async run() {
      const { twinkey, spy, primary } = await keyFor({}, { deadlineSeconds: 0.05 })
      spy.override({ get: () => new Promise(() => {}) })
      same(await verdict(twinkey, primary), 'unavailable')
    },
  },
  {
    name: 'many requests at once share one store read',
    async run() {
      const { twinkey, spy, primary } = await keyFor()
      const asked = spy.calls.get
      same(
        [...new Set(await verdicts(twinkey, ...Array.from({ length: 50 }, () => primary)))],
        [LET_IN],
      )
      same(spy.calls.get - asked, 1)
    },
  },
  {
    name: 'the last use of a secret is written down, off the path of the request',
    async run() {
      const { twinkey, keys, clock, id, secondary } = await keyFor()
      clock.advance(5000)
      await twinkey.authenticate(sent({ credential: secondary }), anyTarget)
      holds(twinkey.flush() instanceof Promise, 'nothing is pending')
      await twinkey.flush()
      same(twinkey.flush(), undefined)
      const key = await keys.get(id)
      same([key?.primary?.lastUsedAt ?? null, key?.secondary?.lastUsedAt], [null, clock.now()])
    },
  },
  {
    name: 'keys are listed in pages',
    async run() {
      const { keys } = createBench().twinkey
      for (const name of ['a', 'b', 'c']) await keys.create({ name, scope })
      const first = await keys.list({ limit: 2 })
      const second = await keys.list({
        limit: 2,
        ...(first.nextCursor === undefined ? {} : { cursor: first.nextCursor }),
      })
      same([...first.keys, ...second.keys].map(({ name }) => name).sort(), ['a', 'b', 'c'])
      same(second.nextCursor, undefined)
    },
  },
  {
    name: 'events report what happened, and contain no secret',
    async run() {
      const { twinkey, events, primary } = await keyFor()
      await verdict(twinkey, primary)
      await verdict(twinkey, `${primary}0`)
      await twinkey.flush()
      same(
        events.map(({ type }) => type),
        ['key.created', 'access.allowed', 'access.refused'],
      )
      holds(!JSON.stringify(events).includes(primary.slice(-49, -6)), 'a secret is in it')
    },
  },
  {
    name: 'a TwinkeyError is recognised across copies of the package',
    async run() {
      const { keys } = createBench().twinkey
      const fault = await keys.disable('0123456789ABCDEF').catch((error: unknown) => error)
      same(
        [isTwinkeyError(fault), fault instanceof TwinkeyError, isTwinkeyError(new Error('other'))],
        [true, true, false],
      )
    },
  },
  {
    name: 'close() waits for pending work',
    async run() {
      const { twinkey, primary } = await keyFor()
      await verdict(twinkey, primary)
      await twinkey.close()
      same(twinkey.flush(), undefined)
    },
  },
]

/** How keys change and end, what they reach, and what a store does to them. */
export const lifeChecks: readonly Check[] = [
  ...rotationChecks,
  ...endingChecks,
  ...targetChecks,
  ...storeChecks,
]
