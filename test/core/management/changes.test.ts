import { isTwinkeyError, type Twinkey } from 'twinkey'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
const SINGLE = { ...INPUT, secondary: false } as const

async function activeOf(twinkey: Twinkey, secrets: Record<string, string | null>) {
  const active: string[] = []
  for (const [name, secret] of Object.entries(secrets))
    if (secret !== null && (await verdict(twinkey, secret)) === 'let in') active.push(name)
  return active
}

describe('a renewal of both secrets', () => {
  it('ends both old secrets and their tokens, and returns two new ones', async () => {
    const { twinkey, events } = createBench()
    const created = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(created.primary)
    const token = issued.ok ? issued.token : ''
    const renewed = await twinkey.keys.renew(created.key.id, { slots: 'both' })
    expect(
      await activeOf(twinkey, {
        'old primary': created.primary,
        'old secondary': created.secondary,
        'token of the old primary': token,
        'new primary': renewed.primary,
        'new secondary': renewed.secondary,
      }),
    ).toEqual(['new primary', 'new secondary'])
    expect(renewed.key.primary.hint).toBe(renewed.primary.slice(-4))
    expect(renewed.key.secondary?.hint).toBe(renewed.secondary.slice(-4))
    expect(events.find(({ type }) => type === 'key.renewed')).toMatchObject({
      slots: ['primary', 'secondary'],
    })
  })

  it('gives a second secret to a key with one', async () => {
    const { twinkey } = createBench()
    const { key, primary: old } = await twinkey.keys.create(SINGLE)
    const { primary, secondary } = await twinkey.keys.renew(key.id, { slots: 'both' })
    expect(await activeOf(twinkey, { old, primary, secondary })).toEqual(['primary', 'secondary'])
  })
})

describe('endSecondary', () => {
  it('ends the secondary secret and its tokens, and leaves the primary one', async () => {
    const { twinkey, events } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(secondary as string)
    const token = issued.ok ? issued.token : ''
    expect(await activeOf(twinkey, { primary, secondary, token })).toEqual([
      'primary',
      'secondary',
      'token',
    ])
    const ended = await twinkey.keys.endSecondary(key.id, { actor: 'ops' })
    expect(ended).toMatchObject({ secondary: null, primary: { id: key.primary.id } })
    expect(await activeOf(twinkey, { primary, secondary, token })).toEqual(['primary'])
    expect(events.filter(({ type }) => type === 'key.secondary_ended')).toMatchObject([
      { keyId: key.id, actor: 'ops', version: ended.version },
    ])
  })

  it('ends the old secret of a rotation, so that the next rotation need not wait', async () => {
    const { twinkey } = createBench()
    const { key, primary: old } = await twinkey.keys.create(SINGLE)
    const lost = await twinkey.keys.rotate(key.id)
    expect(await errorCodeOf(twinkey.keys.rotate(key.id))).toBe('secondary_live')
    await twinkey.keys.endSecondary(key.id)
    expect(await activeOf(twinkey, { old, lost: lost.primary })).toEqual(['lost'])
    const again = await twinkey.keys.rotate(key.id)
    expect(await activeOf(twinkey, { old, lost: lost.primary, again: again.primary })).toEqual([
      'lost',
      'again',
    ])
  })

  it('changes nothing if there is no secondary secret, and writes no entry', async () => {
    const { twinkey, events, spy } = createBench()
    const { key } = await twinkey.keys.create(SINGLE)
    expect(await twinkey.keys.endSecondary(key.id)).toEqual(key)
    expect(events).toHaveLength(1)
    expect(spy.calls.put).toBe(1)
  })

  it('is refused for a revoked key and an unknown one', async () => {
    const { keys } = createBench().twinkey
    const { key } = await keys.create(INPUT)
    await keys.revoke(key.id)
    expect(await errorCodeOf(keys.endSecondary(key.id))).toBe('key_revoked')
    expect(await errorCodeOf(keys.endSecondary('unknown'))).toBe('key_not_found')
  })
})

describe('expectedVersion', () => {
  type Change = (keys: Twinkey['keys'], id: string, version: number) => Promise<unknown>
  const changes: Record<string, Change> = {
    update: (keys, id, expectedVersion) => keys.update(id, { name: 'm', expectedVersion }),
    enable: (keys, id, expectedVersion) => keys.enable(id, { expectedVersion }),
    disable: (keys, id, expectedVersion) => keys.disable(id, { expectedVersion }),
    rotate: (keys, id, expectedVersion) =>
      keys.rotate(id, { replace: 'secondary', expectedVersion }),
    renew: (keys, id, expectedVersion) => keys.renew(id, { slots: 'both', expectedVersion }),
    endSecondary: (keys, id, expectedVersion) => keys.endSecondary(id, { expectedVersion }),
    revoke: (keys, id, expectedVersion) => keys.revoke(id, { expectedVersion }),
    delete: (keys, id, expectedVersion) => keys.delete(id, { expectedVersion }),
  }

  it.each(Object.entries(changes))(
    'makes %s a version_conflict after another change, and nothing is written',
    async (name, change) => {
      const { twinkey, spy, events } = createBench()
      const { keys } = twinkey
      const { key } = await keys.create(INPUT)
      const other = name === 'enable' ? keys.disable : keys.endSecondary
      const changed = await other(key.id)
      const [stored, puts] = [await spy.inner.get(key.id), spy.calls.put]
      events.length = 0
      expect(await errorCodeOf(change(keys, key.id, key.version))).toBe('version_conflict')
      expect(await spy.inner.get(key.id)).toEqual(stored)
      expect([spy.calls.put, spy.calls.delete, events]).toEqual([puts, 0, []])
      await change(keys, key.id, changed.version)
    },
  )

  it.each(Object.entries(changes))(
    'lets exactly one of two racing calls of %s win',
    async (name, change) => {
      const bench = createBench()
      const { key } = await bench.twinkey.keys.create(INPUT)
      const version =
        name === 'enable' ? (await bench.twinkey.keys.disable(key.id)).version : key.version
      const outcomes = await Promise.all(
        [bench.twinkey, bench.another()].map(({ keys }) =>
          change(keys, key.id, version).then(
            () => 'done',
            (error: unknown) => (isTwinkeyError(error) ? error.code : 'other'),
          ),
        ),
      )
      const lost =
        name === 'delete' ? ['version_conflict', 'key_not_found', 'done'] : ['version_conflict']
      expect(outcomes).toContain('done')
      expect(lost).toContain(outcomes.find((each) => each !== 'done') ?? 'done')
    },
  )

  it('is not affected by uses of the key', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    clock.advance(60_000)
    await verdict(twinkey, primary)
    await twinkey.flush()
    const read = await twinkey.keys.get(key.id)
    expect(read).toMatchObject({ version: key.version, lastUsedAt: clock.now() })
    await twinkey.keys.disable(key.id, { expectedVersion: key.version })
  })

  it('is outcome_unknown, not version_conflict, if the change itself may have been written', async () => {
    const { twinkey, spy, events } = createBench()
    const { key } = await twinkey.keys.create(INPUT)
    const lost = async () => {
      throw new Error('connection lost')
    }
    const loseNext = () =>
      spy.override({
        async put(...args) {
          await spy.inner.put(...args)
          spy.override({
            async get() {
              spy.override({})
              return lost()
            },
          })
          return lost()
        },
      })
    loseNext()
    // The retry finds its own write.
    const expectedVersion = key.version
    expect((await twinkey.keys.disable(key.id, { expectedVersion })).state).toBe('disabled')
    expect(events.map(({ type }) => type)).toEqual(['key.created', 'key.disabled'])
  })
})

describe('update with tokens: false', () => {
  it('refuses the exchange with the reason tokens_not_permitted, and tokens already issued stay valid', async () => {
    const { twinkey, events } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary)
    expect(issued.ok).toBe(true)
    const changed = await twinkey.keys.update(key.id, { tokens: false })
    expect(changed.tokens).toBe(false)
    const refused = await twinkey.tokens.issue(primary)
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'credential_invalid' } })
    expect(events.at(-1)).toMatchObject({
      type: 'access.refused',
      reason: 'tokens_not_permitted',
      keyId: key.id,
    })
    expect(await activeOf(twinkey, { primary, token: issued.ok ? issued.token : '' })).toEqual([
      'primary',
      'token',
    ])
    await twinkey.keys.update(key.id, { tokens: true })
    expect((await twinkey.tokens.issue(primary)).ok).toBe(true)
  })

  it('creates a key without tokens', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, tokens: false })
    expect(await twinkey.tokens.issue(primary)).toMatchObject({
      refusal: { code: 'credential_invalid' },
    })
  })

  it.each([
    [standard(), 401],
    [boomiFlow(), 401],
    [flare({ account: () => undefined }), 401],
    [flowgear(), 404],
  ])('is answered like a wrong secret with $name: %i', async (profile, status) => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, tokens: false })
    const typo = primary.endsWith('0') ? '1' : '0'
    const [refused, wrong] = await Promise.all(
      [primary, `${primary.slice(0, -1)}${typo}`].map((secret) => twinkey.tokens.issue(secret)),
    )
    if (refused?.ok !== false || wrong?.ok !== false) throw new Error('a token was issued')
    expect(profile.refuse(refused.refusal)).toEqual(profile.refuse(wrong.refusal))
    expect(profile.refuse(refused.refusal).status).toBe(status)
  })
})

describe('update with expiresAt', () => {
  it('of the current time ends the key at once, and a later time revives it', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    expect(await activeOf(twinkey, { primary })).toEqual(['primary'])
    const ended = await twinkey.keys.update(key.id, { expiresAt: clock.now() })
    expect(ended).toMatchObject({ state: 'expired', expiresAt: clock.now() })
    expect(await activeOf(twinkey, { primary })).toEqual([])
    await twinkey.keys.update(key.id, { expiresAt: null })
    expect(await activeOf(twinkey, { primary })).toEqual(['primary'])
  })

  it('may be up to a minute in the past, and not more', async () => {
    const { twinkey, clock } = createBench()
    const { key } = await twinkey.keys.create(INPUT)
    const at = (past: number) => ({ expiresAt: clock.now() - past })
    expect(await errorCodeOf(twinkey.keys.update(key.id, at(60_001)))).toBe('invalid_input')
    expect(await twinkey.keys.get(key.id)).toEqual(key)
    expect(await twinkey.keys.update(key.id, at(60_000))).toMatchObject({ state: 'expired' })
  })

  it('keeps the past expiry of an expired key whose other attributes change', async () => {
    const { twinkey, clock } = createBench()
    const expiresAt = clock.now() + 1000
    const { key } = await twinkey.keys.create({ ...INPUT, expiresAt })
    clock.advance(86_400_000)
    expect(await twinkey.keys.update(key.id, { name: 'm', expiresAt })).toMatchObject({
      name: 'm',
      state: 'expired',
      expiresAt,
    })
  })
})
