import { createTwinkey, memoryStore, type Twinkey } from 'twinkey'
import { createVerifier } from 'twinkey/verifier'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Backend, openStore, startBackend } from '../../../benchmarks/experiments/backend.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { createClock } from '../../support/clock.ts'

const SCOPE = { tenants: ['t1'], workflows: ['read'] }

async function issue(twinkey: Twinkey, secret: string): Promise<string> {
  const issued = await twinkey.tokens.issue(secret)
  if (!issued.ok) throw new Error(issued.refusal.code)
  return issued.token
}

async function codeOf(twinkey: Pick<Twinkey, 'tokens'>, token: string): Promise<string> {
  const verified = await twinkey.tokens.verify(token)
  return verified.ok ? 'let in' : verified.refusal.code
}

describe.each(['memory', 'postgres', 'redis', 'sqlite'] as const)('on %s', (kind) => {
  let backend: Backend | undefined
  const clock = createClock()
  const closing: (() => Promise<void>)[] = []
  const nodes: Twinkey[] = []

  beforeAll(async () => {
    if (kind !== 'memory') backend = await startBackend(kind, 'in the kernel')
    const shared = memoryStore()
    for (let i = 0; i < 2; i++) {
      const opened = backend && (await openStore(backend.address, { feed: false }))
      if (opened !== undefined) closing.push(opened.close)
      nodes.push(
        createTwinkey({
          store: opened?.store ?? shared,
          tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] },
          cache: { maxAgeSeconds: 1 },
          now: clock.now,
        }),
      )
    }
  })
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await Promise.all(closing.map((close) => close()))
    await backend?.stop()
  })

  test('a revoked token ends on every node, and nothing else does', async () => {
    const [here, there] = nodes as [Twinkey, Twinkey]
    const { key, primary } = await here.keys.create({ name: 'a', scope: SCOPE })
    const [token, sibling] = [await issue(here, primary), await issue(there, primary)]
    expect([await codeOf(here, token), await codeOf(there, token)]).toEqual(['let in', 'let in'])
    const before = await here.keys.get(key.id)
    expect(await here.tokens.revoke(token)).toEqual({ ok: true, revoked: true })
    expect(await there.tokens.revoke(token)).toEqual({ ok: true, revoked: true })
    clock.advance(1001)
    expect([await codeOf(here, token), await codeOf(there, token)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    expect([await codeOf(here, sibling), (await there.keys.verify(primary)).ok]).toEqual([
      'let in',
      true,
    ])
    const { lastUsedAt: _used, primary: _primary, ...after } = (await here.keys.get(key.id)) ?? {}
    expect(before).toMatchObject(after)
    const { entries } = await here.keys.history({ keyId: key.id })
    expect(entries.map(({ type }) => type)).toEqual(['key.created'])
  })

  test('a revoked token stays revoked after changes of the key', async () => {
    const [here] = nodes as [Twinkey]
    const { key, primary } = await here.keys.create({ name: 'b', scope: SCOPE })
    const token = await issue(here, primary)
    const disabled = await issue(here, primary)
    await here.tokens.revoke(token)
    await here.keys.disable(key.id)
    expect(await here.tokens.revoke(disabled)).toEqual({ ok: true, revoked: true })
    await here.keys.enable(key.id)
    await here.keys.update(key.id, { name: 'c' })
    expect([await codeOf(here, token), await codeOf(here, disabled)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
  })

  test('50 concurrent revocations all succeed', async () => {
    const [here, there] = nodes as [Twinkey, Twinkey]
    const { primary } = await here.keys.create({ name: 'd', scope: SCOPE })
    const tokens = await Promise.all(Array.from({ length: 50 }, () => issue(here, primary)))
    await Promise.all(tokens.map((each, i) => (i % 2 ? here : there).tokens.revoke(each)))
    clock.advance(1001)
    const codes = await Promise.all(tokens.map((each) => codeOf(here, each)))
    expect(new Set(codes)).toEqual(new Set(['credential_invalid']))
  })
})

describe('a token', () => {
  test('of another key is not revoked, and neither is a text that is not a token', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const other = await twinkey.keys.create({ name: 'b', scope: SCOPE })
    const token = await issue(twinkey, primary)
    const nothing = { ok: true, revoked: false }
    expect(await twinkey.tokens.revoke(token, { keyId: other.key.id })).toEqual(nothing)
    for (const text of ['', 'x', primary, `${token}x`, undefined as unknown as string])
      expect(await twinkey.tokens.revoke(text)).toEqual(nothing)
    expect(await codeOf(twinkey, token)).toBe('let in')
  })

  test('that has expired or whose key was deleted needs no revocation', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const token = await issue(twinkey, primary)
    clock.advance(3_600_000)
    expect(await twinkey.tokens.revoke(token)).toEqual({ ok: true, revoked: false })
    const last = await issue(twinkey, primary)
    await twinkey.keys.delete(key.id)
    expect(await twinkey.tokens.revoke(last)).toEqual({ ok: true, revoked: false })
  })

  test('is not revoked if 256 were revoked within an hour, and the call returns a refusal', async () => {
    const { twinkey, clock, events } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    for (let i = 0; i < 256; i++)
      expect((await twinkey.tokens.revoke(await issue(twinkey, primary))).ok).toBe(true)
    const last = await issue(twinkey, primary)
    expect(await twinkey.tokens.revoke(last)).toMatchObject({
      ok: false,
      refusal: { code: 'unavailable', retryAfterSeconds: expect.any(Number) },
    })
    expect(events.at(-1)).toMatchObject({ type: 'warning.store_unavailable' })
    expect(await codeOf(twinkey, last)).toBe('let in')
    // An hour later, and a minute for clocks that are behind, there is room again.
    clock.advance(3_660_000)
    expect(await twinkey.tokens.revoke(await issue(twinkey, primary))).toEqual({
      ok: true,
      revoked: true,
    })
  })

  test('is not reported as revoked if the store fails', async () => {
    const { twinkey, spy } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const token = await issue(twinkey, primary)
    for (const method of ['get', 'put'] as const) {
      spy.override({ [method]: () => Promise.reject(new Error('down')) })
      expect(await twinkey.tokens.revoke(token)).toMatchObject({
        ok: false,
        refusal: { code: 'unavailable' },
      })
    }
    spy.override({})
    expect(await twinkey.tokens.revoke(token)).toEqual({ ok: true, revoked: true })
  })

  test('that is revoked stays valid for a verifier until it expires, as the documentation says', async () => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const token = await issue(twinkey, primary)
    await twinkey.tokens.revoke(token)
    const verifier = createVerifier({
      jwks: await twinkey.tokens.jwks(),
      issuer: ISSUER,
      audience: AUDIENCE,
      now: clock.now,
    })
    expect((await verifier.verify(token)).ok).toBe(true)
  })
})
