import { type ImportKeyInput, memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { both, FIRST, importBench, input, SECOND } from '../../clients/imported.ts'
import { createBench } from '../../support/bench.ts'
import { base64url } from '../../support/forge.ts'
import { racingStore, seeded } from '../../support/racing-store.ts'
import { anyTarget, byHeaders, codeOf, sent, verdict } from '../../support/sent.ts'

const SCOPE = { tenants: ['t'], workflows: '*' } as const
const pepper = { current: '2026a', keys: { '2026a': new Uint8Array(32).fill(1) } }

describe('list', () => {
  it('with `pepper: null` returns keys with a secret that has no pepper', async () => {
    const bench = createBench()
    const plain = await bench.twinkey.keys.create({ name: 'plain', scope: SCOPE })
    const { keys } = bench.another({ pepper })
    const peppered = await keys.create({ name: 'peppered', scope: SCOPE })
    expect((await keys.list({ pepper: null })).keys.map(({ id }) => id)).toEqual([plain.key.id])
    expect((await keys.list({ pepper: '2026a' })).keys.map(({ id }) => id)).toEqual([
      peppered.key.id,
    ])
    await keys.renew(plain.key.id, { slots: 'primary' })
    expect((await keys.list({ pepper: null })).keys).toHaveLength(1)
    await keys.renew(plain.key.id, { slots: 'secondary' })
    expect((await keys.list({ pepper: null })).keys).toEqual([])
  })

  it('with `owner: null` returns keys without an owner', async () => {
    const { keys } = createBench().twinkey
    const ownerless = await keys.create({ name: 'ownerless', scope: SCOPE })
    const owned = await keys.create({ name: 'owned', owner: 'ada', scope: SCOPE })
    expect((await keys.list({ owner: null })).keys.map(({ id }) => id)).toEqual([ownerless.key.id])
    expect((await keys.list({ owner: 'ada' })).keys.map(({ id }) => id)).toEqual([owned.key.id])
    expect((await keys.list({ owner: undefined })).keys).toHaveLength(2)
  })
})

describe('an owner scope of null', () => {
  it('means the same as undefined: the keys of the owner reach nothing, and no request is unavailable', async () => {
    for (const answer of [null, undefined]) {
      for (const ownerScope of [() => answer, async () => answer]) {
        const { twinkey, events } = createBench({ ownerScope })
        const { primary } = await twinkey.keys.create({ name: 'n', owner: 'ada', scope: SCOPE })
        expect(
          codeOf(await twinkey.authenticate(sent({ credential: primary, tenant: 't' }), byHeaders)),
        ).toBe('tenant_denied')
        expect(await twinkey.keys.verify(primary)).toMatchObject({
          ok: true,
          scope: { tenants: [], environments: [], workflows: [] },
        })
        expect(events.filter(({ type }) => type.startsWith('warning'))).toEqual([])
      }
    }
  })
})

describe('exactly one of several racing imports of two secrets wins:', () => {
  const swapped = () =>
    input({
      primary: { secret: SECOND, entropyBits: 190 },
      secondary: { secret: FIRST, entropyBits: 190 },
    })
  const races: [string, (() => ImportKeyInput)[]][] = [
    ['in opposite order', [both, swapped]],
    ['in the same order, three times', [both, both, both]],
    ['in the same order twice, and in opposite order once', [both, swapped, both]],
  ]

  it.each(races)('%s', async (_, inputs) => {
    for (let seed = 1; seed <= 100; seed++) {
      const inner = memoryStore()
      const bench = importBench({ store: racingStore(inner, seeded(seed)) })
      const outcomes = await Promise.allSettled(
        inputs.map((each) => bench.another().keys.import(each())),
      )
      const won = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? [outcome.value] : [],
      )
      const lost = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason.code] : [],
      )
      const { keys } = importBench({ store: inner }).twinkey
      const [first, second] = [await keys.verify(FIRST), await keys.verify(SECOND)]
      expect({
        seed,
        lost,
        first: first.ok && first.key.id,
        second: second.ok && second.key.id,
        listed: (await keys.list()).keys.map(({ id }) => id),
      }).toEqual({
        seed,
        lost: inputs.slice(1).map(() => 'secret_taken'),
        first: won[0]?.id,
        second: won[0]?.id,
        listed: won.map(({ id }) => id),
      })
      expect(won).toHaveLength(1)
    }
  })
})

describe('revokeAll', () => {
  it.each([
    ['revoked', { owner: 'ada' }, { revoked: 1, narrowed: 0 }, 'key.revoked'],
    ['narrowed', { tenant: 't2' }, { revoked: 0, narrowed: 1 }, 'key.updated'],
  ])(
    'counts and reports a key whose first write landed with its outcome unknown: %s',
    async (_, which, counts, type) => {
      const { twinkey, spy, events } = createBench()
      const { key } = await twinkey.keys.create({
        name: 'n',
        owner: 'ada',
        scope: { tenants: ['t1', 't2'], workflows: '*' },
      })
      const lost = async () => {
        throw new Error('connection lost')
      }
      spy.override({
        async put(next, expectedVersion, entry) {
          await spy.inner.put(next, expectedVersion, entry)
          // The answer is lost, and the read that follows fails.
          spy.override({
            get: async () => {
              spy.override({})
              return lost()
            },
          })
          return lost()
        },
      })
      expect(await twinkey.keys.revokeAll({ ...which, actor: 'ops' })).toEqual(counts)
      expect(events.filter((event) => event.type === type)).toMatchObject([
        { keyId: key.id, actor: 'ops' },
      ])
      expect(await twinkey.keys.revokeAll(which)).toEqual({ revoked: 0, narrowed: 0 })
    },
  )
})

describe('an imported secret that looks like a token', () => {
  const SECRET = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url('{"iss":"https://elsewhere.test","sub":"7"}')}.${'Qx7_'.repeat(10)}Qx7`

  async function createImported() {
    const bench = importBench({
      importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 256 }],
    })
    const key = await bench.twinkey.keys.import(
      input({ primary: { secret: SECRET, entropyBits: 128 } }),
    )
    return { ...bench, key }
  }

  it('is accepted as a Bearer credential, and by verify', async () => {
    const { twinkey, key } = await createImported()
    expect(await verdict(twinkey, SECRET)).toBe('let in')
    expect(await twinkey.keys.verify(SECRET)).toMatchObject({
      ok: true,
      slot: 'primary',
      key: { id: key.id },
    })
  })

  it('is refused by an optional guard after its revocation, because it belongs to a key', async () => {
    const { twinkey, key } = await createImported()
    const optional = async () =>
      twinkey.authenticate(sent({ credential: SECRET }), { ...anyTarget, optional: true })
    expect(await optional()).toMatchObject({ ok: true, principal: { keyId: key.id } })
    await twinkey.keys.revoke(key.id)
    expect(await optional()).toMatchObject({ ok: false, refusal: { code: 'credential_invalid' } })
  })

  it('is refused where only tokens are accepted, and an optional guard ignores a similar one that was never imported', async () => {
    const { twinkey } = await createImported()
    const tokensOnly = await twinkey.authenticate(sent({ credential: SECRET }), {
      ...anyTarget,
      accept: ['token'],
    })
    expect(codeOf(tokensOnly)).toBe('credential_invalid')
    const other = await twinkey.authenticate(sent({ credential: `${SECRET}A` }), {
      ...anyTarget,
      optional: true,
    })
    expect(other).toMatchObject({ ok: true, principal: undefined })
  })
})
