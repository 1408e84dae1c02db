import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { anyTarget, byHeaders, codeOf, sent, verdict } from '../../support/sent.ts'

const INPUT = { name: 'billing', scope: { tenants: ['acme'], workflows: '*' } } as const

describe('create', () => {
  it('gives two secrets that are both accepted, and a decision names the slot', async () => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create({
      ...INPUT,
      owner: 'ada',
      metadata: { plan: 'pro' },
    })
    expect(secondary).not.toBe(primary)
    for (const [slot, credential] of Object.entries({ primary, secondary: secondary as string })) {
      const decision = await twinkey.authenticate(sent({ credential }), anyTarget)
      expect(decision).toMatchObject({
        ok: true,
        principal: { keyId: key.id, slot, via: 'secret', owner: 'ada', metadata: { plan: 'pro' } },
      })
    }
  })

  it('gives one secret if `secondary` is false', async () => {
    const { twinkey } = createBench()
    const { key, secondary } = await twinkey.keys.create({ ...INPUT, secondary: false })
    expect(secondary).toBeNull()
    expect(key.secondary).toBeNull()
  })

  it('uses the first prefix, and the secret contains the id of the key', async () => {
    const { twinkey } = createBench({ prefixes: ['acme_live', 'acme'] })
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    expect(primary.startsWith(`acme_live_${key.id}`)).toBe(true)
    expect(secondary?.startsWith(`acme_live_${key.id}`)).toBe(true)
    expect(key.primary.hint).toBe(primary.slice(-4))
  })

  it('fills in defaults: the served environments, tokens, no owner, no expiry', async () => {
    const { twinkey, clock } = createBench({ environments: ['production', 'staging'] })
    const { key } = await twinkey.keys.create(INPUT)
    expect(key).toMatchObject({
      owner: null,
      metadata: {},
      expiresAt: null,
      revokedAt: null,
      disabledBy: null,
      tokens: true,
      lastUsedAt: null,
      state: 'active',
      createdAt: clock.now(),
      updatedAt: clock.now(),
      scope: { tenants: ['acme'], environments: ['production', 'staging'], workflows: '*' },
    })
    const open = await createBench().twinkey.keys.create(INPUT)
    expect(open.key.scope.environments).toBe('*')
  })

  it('copies its input, so later changes by the caller have no effect', async () => {
    const { twinkey } = createBench()
    const tenants = ['acme']
    const metadata = { tags: ['a'] }
    const { key } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants, workflows: '*' },
      metadata,
    })
    tenants.push('other')
    metadata.tags.push('b')
    expect(await twinkey.keys.get(key.id)).toMatchObject({
      scope: { tenants: ['acme'] },
      metadata: { tags: ['a'] },
    })
    expect(key.metadata).toEqual({ tags: ['a'] })
  })
})

describe('get', () => {
  it('returns the key as it is, deeply frozen', async () => {
    const { twinkey } = createBench()
    const { key } = await twinkey.keys.create({ ...INPUT, metadata: { a: { b: [1] } } })
    const shown = await twinkey.keys.get(key.id)
    expect(shown).toEqual(key)
    expect(
      [
        shown,
        shown?.scope,
        shown?.scope.tenants,
        shown?.primary,
        shown?.metadata,
        shown?.metadata['a'],
      ].every(Object.isFrozen),
    ).toBe(true)
  })

  it.each(['nosuchkey0000000', '', 'a/b', "' OR 1=1", 'x'.repeat(65)])(
    'returns undefined for %j',
    async (id) => {
      const { twinkey } = createBench()
      expect(await twinkey.keys.get(id)).toBeUndefined()
    },
  )
})

describe('disable and enable', () => {
  it('block a key and its tokens and admit them again, with the same secrets', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary)
    const token = issued.ok ? issued.token : ''
    expect([await verdict(twinkey, primary), await verdict(twinkey, token)]).toEqual([
      'let in',
      'let in',
    ])
    expect((await twinkey.keys.disable(key.id)).state).toBe('disabled')
    expect([await verdict(twinkey, primary), await verdict(twinkey, token)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    expect((await twinkey.keys.enable(key.id)).state).toBe('active')
    expect([await verdict(twinkey, primary), await verdict(twinkey, token)]).toEqual([
      'let in',
      'let in',
    ])
  })

  it('do nothing the second time, and emit no event', async () => {
    const { twinkey, events } = createBench()
    const { key } = await twinkey.keys.create(INPUT)
    await twinkey.keys.enable(key.id)
    await twinkey.keys.disable(key.id)
    await twinkey.keys.disable(key.id)
    expect(events.map(({ type }) => type)).toEqual(['key.created', 'key.disabled'])
  })
})

describe('update', () => {
  it('changes the given members and keeps the others', async () => {
    const { twinkey, clock } = createBench()
    const { key } = await twinkey.keys.create({
      ...INPUT,
      owner: 'ada',
      metadata: { a: 1 },
      expiresAt: clock.now() + 5000,
    })
    clock.advance(10)
    const changed = await twinkey.keys.update(key.id, { scope: { workflows: ['read'] } })
    expect(changed).toEqual({
      ...key,
      scope: { ...key.scope, workflows: ['read'] },
      version: expect.not.toBeOneOf([key.version]),
      updatedAt: clock.now(),
    })
    expect(
      await twinkey.keys.update(key.id, { name: 'other', metadata: {}, expiresAt: null }),
    ).toMatchObject({
      name: 'other',
      metadata: {},
      expiresAt: null,
      owner: 'ada',
    })
  })

  it('applies on this node at once', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    const request = sent({ credential: primary, tenant: 'acme' })
    expect(codeOf(await twinkey.authenticate(request, byHeaders))).toBe('let in')
    await twinkey.keys.update(key.id, { scope: { tenants: ['other'] } })
    expect(codeOf(await twinkey.authenticate(request, byHeaders))).toBe('tenant_denied')
  })
})

describe('expiry', () => {
  it('admits one millisecond before, and refuses from the time on', async () => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 1000 })
    clock.advance(999)
    expect(await verdict(twinkey, primary)).toBe('let in')
    clock.advance(1)
    expect(await verdict(twinkey, primary)).toBe('credential_invalid')
  })

  it('is a state, unless the key is disabled or revoked', async () => {
    const { twinkey, clock } = createBench()
    const { key } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 10 })
    const state = async () => (await twinkey.keys.get(key.id))?.state
    clock.advance(9)
    expect(await state()).toBe('active')
    clock.advance(1)
    expect(await state()).toBe('expired')
    await twinkey.keys.disable(key.id)
    expect(await state()).toBe('disabled')
    await twinkey.keys.revoke(key.id)
    expect(await state()).toBe('revoked')
  })
})

describe('revoke', () => {
  it('ends both secrets and is final', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, primary)).toBe('let in')
    expect(await twinkey.keys.revoke(key.id)).toMatchObject({
      state: 'revoked',
      revokedAt: clock.now(),
    })
    expect([await verdict(twinkey, primary), await verdict(twinkey, secondary as string)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    const { keys } = twinkey
    const calls = [
      () => keys.enable(key.id),
      () => keys.disable(key.id),
      () => keys.rotate(key.id),
      () => keys.rotate(key.id, { replace: 'secondary' }),
      () => keys.renew(key.id, { slots: 'primary' }),
      () => keys.renew(key.id, { slots: 'secondary' }),
      () => keys.update(key.id, { name: 'n' }),
    ]
    for (const call of calls) expect(await errorCodeOf(call)).toBe('key_revoked')
    expect(await keys.get(key.id)).toMatchObject({ state: 'revoked', name: 'billing' })
  })

  it('twice is not an error and changes nothing', async () => {
    const { twinkey, clock, events } = createBench()
    const { key } = await twinkey.keys.create(INPUT)
    const first = await twinkey.keys.revoke(key.id)
    clock.advance(1000)
    expect(await twinkey.keys.revoke(key.id)).toEqual(first)
    expect(events.filter(({ type }) => type === 'key.revoked')).toHaveLength(1)
  })

  it('of a key that another node has revoked applies on this node when it resolves, even if the key is cached', async () => {
    const bench = createBench()
    const other = bench.another()
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.revoke(key.id)
    await other.keys.revoke(key.id)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('and disable and delete apply on this node after another node has made the same change', async () => {
    const bench = createBench()
    const other = bench.another()
    const first = await bench.twinkey.keys.create(INPUT)
    const second = await bench.twinkey.keys.create(INPUT)
    expect([await verdict(other, first.primary), await verdict(other, second.primary)]).toEqual([
      'let in',
      'let in',
    ])
    await bench.twinkey.keys.disable(first.key.id)
    await bench.twinkey.keys.delete(second.key.id)
    await other.keys.disable(first.key.id)
    await errorCodeOf(other.keys.delete(second.key.id))
    expect([await verdict(other, first.primary), await verdict(other, second.primary)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
  })
})

describe('revokeAll', () => {
  it('ends the keys of one owner, and no others', async () => {
    const { twinkey } = createBench()
    const make = (owner: string | null) => twinkey.keys.create({ ...INPUT, owner })
    const [a, b, c] = [await make('ada'), await make('ada'), await make('bob')]
    const d = await make(null)
    await twinkey.keys.revoke(b.key.id)
    expect(await twinkey.keys.revokeAll({ owner: 'ada' })).toEqual({ revoked: 1, narrowed: 0 })
    const states = await Promise.all(
      [a, b, c, d].map(async ({ key }) => (await twinkey.keys.get(key.id))?.state),
    )
    expect(states).toEqual(['revoked', 'revoked', 'active', 'active'])
  })

  it('revokes keys that reach only the given tenant, and removes the tenant from the other keys', async () => {
    const { twinkey } = createBench()
    const make = (tenants: '*' | string[]) =>
      twinkey.keys.create({ name: 'n', scope: { tenants, workflows: '*' } })
    const [alone, shared, other, all] = [
      await make(['t']),
      await make(['s', 't', 'u']),
      await make(['s']),
      await make('*'),
    ]
    expect(await twinkey.keys.revokeAll({ tenant: 't' })).toEqual({ revoked: 1, narrowed: 1 })
    const shown = await Promise.all(
      [alone, shared, other, all].map(({ key }) => twinkey.keys.get(key.id)),
    )
    expect(shown.map((key) => [key?.state, key?.scope.tenants])).toEqual([
      ['revoked', ['t']],
      ['active', ['s', 'u']],
      ['active', ['s']],
      ['active', '*'],
    ])
    expect(await twinkey.keys.revokeAll({ tenant: 't' })).toEqual({ revoked: 0, narrowed: 0 })
  })

  it('continues through all pages', async () => {
    const { twinkey } = createBench()
    for (let i = 0; i < 205; i++) await twinkey.keys.create({ ...INPUT, owner: 'ada' })
    expect(await twinkey.keys.revokeAll({ owner: 'ada' })).toEqual({ revoked: 205, narrowed: 0 })
  })
})

describe('delete', () => {
  it('ends the key and leaves no record', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, primary)).toBe('let in')
    await twinkey.keys.delete(key.id)
    expect(await verdict(twinkey, primary)).toBe('credential_invalid')
    expect(await twinkey.keys.get(key.id)).toBeUndefined()
  })
})

describe('a missing key', () => {
  it('is key_not_found for every change, and invalid_input for none', async () => {
    const { keys } = createBench().twinkey
    const id = 'nosuchkey0000000'
    const calls = [
      () => keys.update(id, { name: 'n' }),
      () => keys.enable(id),
      () => keys.disable(id),
      () => keys.rotate(id),
      () => keys.renew(id, { slots: 'primary' }),
      () => keys.revoke(id),
      () => keys.delete(id),
    ]
    for (const call of calls) expect(await errorCodeOf(call)).toBe('key_not_found')
  })
})

describe('verify', () => {
  it('returns the key of the secret, the slot and the scope', async () => {
    const { twinkey } = createBench()
    const { key, secondary } = await twinkey.keys.create(INPUT)
    expect(await twinkey.keys.verify(secondary as string)).toEqual({
      ok: true,
      key,
      slot: 'secondary',
      scope: key.scope,
    })
  })

  it('returns a refusal for any other text, and never throws', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary)
    const texts = [
      '',
      'x',
      'tk_',
      `${primary}x`,
      primary.slice(1),
      'x'.repeat(300),
      issued.ok ? issued.token : '',
      '\ud800',
      undefined,
      null,
      7,
      {},
    ]
    for (const text of texts)
      expect(codeOf(await twinkey.keys.verify(text as string))).toBe('credential_invalid')
  })
})
