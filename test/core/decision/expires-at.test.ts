import { describe, expect, it } from 'vitest'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { createService } from '../../security/forge-service.ts'
import { createBench } from '../../support/bench.ts'
import { anyTarget, decidedNow, sent } from '../../support/sent.ts'

// One object, as a guard has it, so that decisions are remembered.
const requirement = new CheckedRequirement(anyTarget)
const HOUR = 3_600_000
const SCOPE = { tenants: ['t'], workflows: '*' } as const

/** A bench, and what `principal.expiresAt` is for a credential there. */
function createScene() {
  const bench = createBench()
  const { twinkey, clock } = bench
  const endOf = async (credential: string) => {
    const decision = await twinkey.authenticate(sent({ credential }), requirement)
    if (!decision.ok || decision.principal === undefined) return 'refused'
    expect(Object.isFrozen(decision.principal)).toBe(true)
    // The decision that is remembered says the same.
    expect(decidedNow(twinkey, sent({ credential }), requirement)).toBe(decision)
    return decision.principal.expiresAt
  }
  const issue = async (secret: string, lifetimeSeconds?: number) => {
    const issued = await twinkey.tokens.issue(secret, { lifetimeSeconds })
    if (!issued.ok) throw new Error(issued.refusal.code)
    return issued.token
  }
  /** Whether the credential is accepted until that moment, and not at it. */
  const endsAt = async (credential: string, end: number) => {
    clock.advance(end - 1 - clock.now())
    const before = await endOf(credential)
    clock.advance(1)
    return [before, await endOf(credential)]
  }
  return { ...bench, endOf, issue, endsAt }
}

describe('principal.expiresAt of a secret', () => {
  it('is null if neither the key nor the secret expires', async () => {
    const { twinkey, endOf } = createScene()
    const { primary, secondary } = await twinkey.keys.create({ name: 'n', scope: SCOPE })
    expect([await endOf(primary), await endOf(secondary as string)]).toEqual([null, null])
  })

  it('is the expiry of the key, and the secret ends then', async () => {
    const { twinkey, clock, endOf, endsAt } = createScene()
    const expiresAt = clock.now() + 2 * HOUR + 7
    const { primary } = await twinkey.keys.create({ name: 'n', scope: SCOPE, expiresAt })
    expect(await endOf(primary)).toBe(expiresAt)
    expect(await endsAt(primary, expiresAt)).toEqual([expiresAt, 'refused'])
  })

  it('is the end of the grace after a rotation, for the old secret and not for the new one', async () => {
    const { twinkey, clock, endOf, endsAt } = createScene()
    const { key, primary } = await twinkey.keys.create({
      name: 'n',
      scope: SCOPE,
      secondary: false,
    })
    expect(await endOf(primary)).toBeNull()
    const { primary: secret } = await twinkey.keys.rotate(key.id, { graceSeconds: 90 })
    const end = clock.now() + 90_000
    expect([await endOf(primary), await endOf(secret)]).toEqual([end, null])
    expect(await endsAt(primary, end)).toEqual([end, 'refused'])
    expect(await endOf(secret)).toBeNull()
  })

  it.each([
    ['before', 60_000, 60_000],
    ['after', 120_000, 90_000],
  ])('is the earlier end if the key expires %s the grace ends', async (_, keyEnds, ends) => {
    const { twinkey, clock, endOf } = createScene()
    const start = clock.now()
    const { key, primary } = await twinkey.keys.create({
      name: 'n',
      scope: SCOPE,
      secondary: false,
      expiresAt: start + keyEnds,
    })
    const { primary: secret } = await twinkey.keys.rotate(key.id, { graceSeconds: 90 })
    expect([await endOf(primary), await endOf(secret)]).toEqual([start + ends, start + keyEnds])
  })

  it('follows a change of the key', async () => {
    const { twinkey, clock, endOf } = createScene()
    const { key, primary } = await twinkey.keys.create({ name: 'n', scope: SCOPE })
    expect(await endOf(primary)).toBeNull()
    await twinkey.keys.update(key.id, { expiresAt: clock.now() + HOUR })
    expect(await endOf(primary)).toBe(clock.now() + HOUR)
    await twinkey.keys.update(key.id, { expiresAt: null })
    expect(await endOf(primary)).toBeNull()
  })
})

describe('principal.expiresAt of a token', () => {
  it('is its exp', async () => {
    const { twinkey, clock, issue, endOf, endsAt } = createScene()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: SCOPE })
    const token = await issue(primary, 600)
    const end = clock.now() + 600_000
    expect(await endOf(token)).toBe(end)
    expect(await endsAt(token, end)).toEqual([end, 'refused'])
  })

  it('is the end of the grace if its secret was rotated away', async () => {
    const { twinkey, clock, issue, endOf, endsAt } = createScene()
    const { key, primary } = await twinkey.keys.create({
      name: 'n',
      scope: SCOPE,
      secondary: false,
    })
    const token = await issue(primary)
    expect(await endOf(token)).toBe(clock.now() + HOUR)
    await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    const end = clock.now() + 60_000
    expect(await endOf(token)).toBe(end)
    expect(await endsAt(token, end)).toEqual([end, 'refused'])
  })

  it('is its exp in a verifier', async () => {
    const service = await createService()
    const { token } = await service.mint({ lifetimeSeconds: 60 })
    expect(await service.verifier.verify(token)).toMatchObject({
      ok: true,
      principal: { expiresAt: service.bench.clock.now() + 60_000 },
    })
  })
})
