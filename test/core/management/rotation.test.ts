import type { Twinkey } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { verdict } from '../../support/sent.ts'

const INPUT = { name: 'billing', scope: { tenants: ['acme'], workflows: '*' } } as const
const SINGLE = { ...INPUT, secondary: false } as const
const DAY = 86_400_000

async function live(twinkey: Twinkey, secrets: Record<string, string | null>): Promise<string[]> {
  const found: string[] = []
  for (const [name, secret] of Object.entries(secrets))
    if (secret !== null && (await verdict(twinkey, secret)) === 'let in') found.push(name)
  return found
}

describe('renew', () => {
  it.each([
    ['primary', 'secondary'],
    ['secondary', 'primary'],
  ] as const)('replaces the %s secret and keeps the %s one', async (slot, other) => {
    const { twinkey, clock } = createBench()
    const created = await twinkey.keys.create(INPUT)
    clock.advance(7)
    const renewed = await twinkey.keys.renew(created.key.id, { slots: slot })
    const { key } = renewed
    const secret = renewed[slot] as string
    expect(renewed[other]).toBeNull()
    expect(
      await live(twinkey, { old: created[slot], kept: created[other], fresh: secret }),
    ).toEqual(['kept', 'fresh'])
    expect(key[other]).toMatchObject({ id: created.key[other]?.id, hint: created.key[other]?.hint })
    expect(key[slot]).toEqual({
      id: expect.not.stringMatching(`^${created.key[slot]?.id}$`),
      hint: secret.slice(-4),
      createdAt: clock.now(),
      expiresAt: null,
      lastUsedAt: null,
    })
    expect(key.id).toBe(created.key.id)
  })

  it('replaces both secrets in two steps, and one of them is valid at any time', async () => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    const first = await twinkey.keys.renew(key.id, { slots: 'secondary' })
    expect(await live(twinkey, { primary, secondary, first: first.secondary })).toEqual([
      'primary',
      'first',
    ])
    const second = await twinkey.keys.renew(key.id, { slots: 'primary' })
    expect(
      await live(twinkey, { primary, secondary, first: first.secondary, second: second.primary }),
    ).toEqual(['first', 'second'])
  })

  it('adds a secondary secret to a key without one', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(SINGLE)
    const { secondary: secret } = await twinkey.keys.renew(key.id, { slots: 'secondary' })
    expect(await live(twinkey, { primary, secret })).toEqual(['primary', 'secret'])
  })

  it('clears the expiry that a grace period gave to the slot', async () => {
    const { twinkey, clock } = createBench()
    const { key } = await twinkey.keys.create(SINGLE)
    await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    const { key: after, secondary: secret } = await twinkey.keys.renew(key.id, {
      slots: 'secondary',
    })
    expect(after.secondary?.expiresAt).toBeNull()
    clock.advance(2 * DAY)
    expect(await live(twinkey, { secret })).toEqual(['secret'])
  })

  it.each(['tertiary', '', undefined, null, 'Primary', '__proto__'])(
    'refuses the slot %j',
    async (slot) => {
      const { twinkey } = createBench()
      const { key, primary, secondary } = await twinkey.keys.create(INPUT)
      expect(await errorCodeOf(twinkey.keys.renew(key.id, { slots: slot as 'primary' }))).toBe(
        'invalid_input',
      )
      expect(await live(twinkey, { primary, secondary })).toEqual(['primary', 'secondary'])
    },
  )
})

describe('rotate', () => {
  it('explains secondary_live: of two lasting secrets neither will expire', async () => {
    const { twinkey } = createBench()
    const { key: twins } = await twinkey.keys.create(INPUT)
    const { key } = await twinkey.keys.create({ ...INPUT, secondary: false })
    await twinkey.keys.rotate(key.id)
    const end = ", or end it with endSecondary(id) or { replace: 'secondary' } if it is not in use."
    const begin = 'The secondary secret is still active, and rotating would end it. '
    await expect(twinkey.keys.rotate(twins.id)).rejects.toMatchObject({
      message: `${begin}It has no expiry: renew the secret that is not in use${end}`,
    })
    await expect(twinkey.keys.rotate(key.id)).rejects.toMatchObject({
      message: `${begin}Wait until it expires, or renew the primary secret if the new one was lost${end}`,
    })
  })

  it('throws secondary_live if it would end an active secret, and both secrets stay active', async () => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    expect(await errorCodeOf(twinkey.keys.rotate(key.id))).toBe('secondary_live')
    expect(await errorCodeOf(twinkey.keys.rotate(key.id, { graceSeconds: 0 }))).toBe(
      'secondary_live',
    )
    expect(await live(twinkey, { primary, secondary })).toEqual(['primary', 'secondary'])
    expect(await twinkey.keys.get(key.id)).toMatchObject({
      primary: { id: key.primary.id },
      secondary: { id: key.secondary?.id },
    })
  })

  it('ends an active secondary if `replace` says so, and the old primary gets its grace period', async () => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    const { primary: secret } = await twinkey.keys.rotate(key.id, { replace: 'secondary' })
    expect(await live(twinkey, { primary, secondary, secret })).toEqual(['primary', 'secret'])
  })

  it('gives the old secret a grace period of one day by default', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(SINGLE)
    const { key: after, primary: secret } = await twinkey.keys.rotate(key.id)
    expect(after.secondary).toEqual({ ...key.primary, expiresAt: clock.now() + DAY })
    expect(after.primary).toMatchObject({ hint: secret.slice(-4), expiresAt: null })
    expect(await live(twinkey, { primary, secret })).toEqual(['primary', 'secret'])
  })

  it.each([1, 60, 86_400, 7_776_000])(
    'ends the old secret when the grace period of %i s is over, to the millisecond',
    async (graceSeconds) => {
      const { twinkey, clock } = createBench()
      const { key, primary } = await twinkey.keys.create(SINGLE)
      const { primary: secret } = await twinkey.keys.rotate(key.id, { graceSeconds })
      clock.advance(graceSeconds * 1000 - 1)
      expect(await live(twinkey, { primary, secret })).toEqual(['primary', 'secret'])
      clock.advance(1)
      expect(await live(twinkey, { primary, secret })).toEqual(['secret'])
    },
  )

  it('ends the old secret at once if the grace period is 0, and leaves the secondary slot empty', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(SINGLE)
    const { key: after, primary: secret } = await twinkey.keys.rotate(key.id, { graceSeconds: 0 })
    expect(await live(twinkey, { primary, secret })).toEqual(['secret'])
    expect(after.secondary).toBeNull()
  })

  it('is possible again when the grace period is over, and not a millisecond before', async () => {
    const { twinkey, clock } = createBench()
    const { key } = await twinkey.keys.create(SINGLE)
    const first = await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    clock.advance(59_999)
    expect(await errorCodeOf(twinkey.keys.rotate(key.id))).toBe('secondary_live')
    clock.advance(1)
    const second = await twinkey.keys.rotate(key.id)
    expect(await live(twinkey, { first: first.primary, second: second.primary })).toEqual([
      'first',
      'second',
    ])
  })

  it('keeps the grace period of the old secret if the new secret is lost and renewed', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(SINGLE)
    const lost = await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    const again = await twinkey.keys.renew(key.id, { slots: 'primary' })
    expect(await live(twinkey, { primary, lost: lost.primary, again: again.primary })).toEqual([
      'primary',
      'again',
    ])
    clock.advance(60_000)
    expect(await live(twinkey, { primary, again: again.primary })).toEqual(['again'])
  })

  it('does not depend on the last use: a secret in use expires like an unused one', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(SINGLE)
    await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    for (let second = 0; second < 59; second++) {
      clock.advance(1000)
      expect(await verdict(twinkey, primary)).toBe('let in')
    }
    clock.advance(1000)
    expect(await verdict(twinkey, primary)).toBe('credential_invalid')
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '60', 7_776_001, null])(
    'refuses a grace period of %j',
    async (graceSeconds) => {
      const { twinkey } = createBench()
      const { key, primary } = await twinkey.keys.create(SINGLE)
      expect(
        await errorCodeOf(twinkey.keys.rotate(key.id, { graceSeconds: graceSeconds as number })),
      ).toBe('invalid_input')
      expect(await live(twinkey, { primary })).toEqual(['primary'])
      expect((await twinkey.keys.get(key.id))?.primary.id).toBe(key.primary.id)
    },
  )

  it.each([
    { replace: 'primary' },
    { replace: true },
    { grace: 5 },
    { graceseconds: 5 },
    [],
    'secondary',
  ])('refuses the options %j', async (options) => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    expect(await errorCodeOf(twinkey.keys.rotate(key.id, options as object))).toBe('invalid_input')
    expect(await live(twinkey, { primary, secondary })).toEqual(['primary', 'secondary'])
  })
})
