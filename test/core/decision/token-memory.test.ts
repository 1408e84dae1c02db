import { createTwinkey, memoryStore } from 'twinkey'
import { describe, expect, test } from 'vitest'
import { createTokenMemory, tokenDigest } from '../../../src/core/decision/token-memory.ts'
import type { TokenClaims } from '../../../src/core/tokens/claims.ts'
import { createClock } from '../../support/clock.ts'
import { decidedNow } from '../../support/sent.ts'

const requirement = { workflow: 'x' } as const

async function issued(scope = {}) {
  const clock = createClock()
  const twinkey = createTwinkey({
    store: memoryStore(),
    now: clock.now,
    cache: { maxAgeSeconds: 3600 },
  })
  const { key, primary, secondary } = await twinkey.keys.create({
    name: 'a',
    scope: { tenants: ['t'], workflows: '*', ...scope },
  })
  const token = await twinkey.tokens.issue(primary)
  if (!token.ok) throw new Error(token.refusal.code)
  const at = (text: string) =>
    new Request('http://localhost/', { headers: { authorization: `Bearer ${text}` } })
  const codeOf = (decision: Awaited<ReturnType<typeof twinkey.authenticate>> | undefined) =>
    decision === undefined ? 'asks' : decision.ok ? 'in' : decision.refusal.code
  return {
    clock,
    twinkey,
    key,
    secondary,
    token: token.token,
    now: (text: string) =>
      codeOf(
        decidedNow(twinkey, at(text), requirement) as
          | Awaited<ReturnType<typeof twinkey.authenticate>>
          | undefined,
      ),
    later: async (text: string) => codeOf(await twinkey.authenticate(at(text), requirement)),
  }
}

describe('a token that was verified before', () => {
  test('is decided synchronously', async () => {
    const { now, later, token } = await issued()
    expect([now(token), await later(token), now(token)]).toEqual(['asks', 'in', 'in'])
  })

  test.each(['disable', 'revoke', 'delete'] as const)(
    'is refused as soon as its key is inactive: %s',
    async (how) => {
      const { twinkey, key, now, later, token } = await issued()
      expect([await later(token), now(token)]).toEqual(['in', 'in'])
      await twinkey.keys[how](key.id)
      expect([await later(token), now(token)]).toEqual(['credential_invalid', 'credential_invalid'])
    },
  )

  test('ends with the secret that it was issued for, and not with the other one', async () => {
    const { twinkey, key, later, token } = await issued()
    expect(await later(token)).toBe('in')
    await twinkey.keys.renew(key.id, { slots: 'secondary' })
    expect(await later(token)).toBe('in')
    await twinkey.keys.renew(key.id, { slots: 'primary' })
    expect(await later(token)).toBe('credential_invalid')
  })

  test('is limited to the current scope of the key', async () => {
    const { twinkey, key, later, now, token } = await issued()
    expect([await later(token), now(token)]).toEqual(['in', 'in'])
    await twinkey.keys.update(key.id, { scope: { workflows: ['y'] } })
    expect(await later(token)).toBe('workflow_denied')
  })

  test('expires to the millisecond, and is refused if the clock goes back before it was issued', async () => {
    const { clock, later, now, token } = await issued()
    expect(await later(token)).toBe('in')
    clock.advance(3_599_999)
    expect(await later(token)).toBe('in')
    clock.advance(1)
    expect(await later(token)).toBe('credential_invalid')
    clock.advance(-3_600_000 - 31_000)
    expect([now(token), await later(token)]).toEqual(['asks', 'credential_invalid'])
  })

  test('is recognised only by its full text', async () => {
    const { later, now, token } = await issued()
    expect([await later(token), now(token)]).toEqual(['in', 'in'])
    const [header, payload, signature = ''] = token.split('.')
    const other = signature.startsWith('A') ? 'B' : 'A'
    for (const spelt of [
      `${token}=`,
      `${header}.${payload}.${other}${signature.slice(1)}`,
      `${header}.${payload}.`,
    ]) {
      expect(await later(spelt)).not.toBe('in')
    }
  })
})

test('the memory holds a bounded number of tokens, and none of their text', () => {
  const memory = createTokenMemory(2, 0)
  const claims = { issuedAt: 0, expiresAt: 10 } as TokenClaims
  for (const text of ['a', 'b', 'c']) memory.keep(text, claims)
  expect(['a', 'b', 'c'].map((text) => memory.recall(text, 1)?.claims)).toEqual([
    undefined,
    claims,
    claims,
  ])
  expect(memory.recall('c', 10)).toBeUndefined()
})

test('a text longer than any token has no digest under which it could be remembered', () => {
  expect(tokenDigest('e'.repeat(8192))).toHaveLength(16)
  expect(tokenDigest('e'.repeat(8193))).toBeUndefined()
  expect(tokenDigest('e')).not.toBe(tokenDigest('f'))
  const memory = createTokenMemory(2, 0)
  expect(memory.recall(undefined, 1)).toBeUndefined()
})
