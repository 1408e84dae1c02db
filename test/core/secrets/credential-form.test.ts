import { describe, expect, it } from 'vitest'
import { mintId, mintSecret } from '../../../src/core/secrets/secret.ts'
import { readWhole } from '../../../src/http/credential.ts'
import { createBench } from '../../support/bench.ts'
import { codeOf, verdict } from '../../support/sent.ts'

const secret = mintSecret('tk', mintId())

describe('a malformed secret is credential_invalid without a store call:', () => {
  it.each<[string, string]>([
    ['a wrong checksum', secret.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
    ['one character too few', secret.slice(0, -1)],
    ['one character too many', `${secret}0`],
    ['the prefix alone', 'tk_'],
    ['another prefix', mintSecret('sk', mintId())],
    ['the prefix in another case', mintSecret('Tk', mintId())],
    ['257 characters', `tk_${'0'.repeat(254)}`],
    ['a megabyte', `tk_${'0'.repeat(1_000_000)}`],
    // An attacker can compute the checksum, so the alphabet is checked, too.
    ['a quote in the id, with the right checksum', mintSecret('tk', "' OR ''='0123456")],
    ['a NUL in the id, with the right checksum', mintSecret('tk', '\0'.padEnd(16, '0'))],
    ['a line break in the id, with the right checksum', mintSecret('tk', '\r\n'.padEnd(16, '0'))],
    ['a colon in the id, with the right checksum', mintSecret('tk', 'other:key:000000')],
    ['a slash in the id, with the right checksum', mintSecret('tk', '../../0000000000')],
    ['a per cent sign in the id, with the right checksum', mintSecret('tk', '%'.padEnd(16, '_'))],
    [
      'a letter beyond ASCII in the id, with the right checksum',
      mintSecret('tk', 'é'.padEnd(16, '0')),
    ],
    [
      'a lone surrogate in the id, with the right checksum',
      mintSecret('tk', '\ud800'.padEnd(16, '0')),
    ],
  ])('%s', async (_, text) => {
    const { twinkey, spy } = createBench()
    expect(codeOf(await twinkey.keys.verify(text))).toBe('credential_invalid')
    expect(codeOf(await twinkey.tokens.issue(text))).toBe('credential_invalid')
    // In a request, characters that no header can hold make the credential malformed.
    expect(await verdict(twinkey, text)).toMatch(/^credential_(?:invalid|malformed)$/)
    expect(spy.calls.get).toBe(0)
  })

  it('and a well-formed secret costs one store call', async () => {
    const { twinkey, spy } = createBench()
    expect(codeOf(await twinkey.keys.verify(secret))).toBe('credential_invalid')
    expect(spy.calls.get).toBe(1)
  })
})

describe('a caller cannot distinguish the reasons:', () => {
  it('unknown, wrong, disabled, revoked, expired, replaced and malformed give one frozen refusal, and the event has the reason', async () => {
    const { twinkey, clock, events } = createBench()
    const create = (more = {}) =>
      twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' }, ...more })
    const [disabled, revoked, deleted, replaced] = [
      await create(),
      await create(),
      await create(),
      await create(),
    ]
    const expired = await create({ expiresAt: clock.now() + 1 })
    const rotated = await create({ secondary: false })
    const issued = await twinkey.tokens.issue(replaced.primary)
    await twinkey.keys.disable(disabled.key.id)
    await twinkey.keys.revoke(revoked.key.id)
    await twinkey.keys.delete(deleted.key.id)
    await twinkey.keys.renew(replaced.key.id, { slots: 'primary' })
    await twinkey.keys.rotate(rotated.key.id, { graceSeconds: 1 })
    clock.advance(1000)
    const cases: [string, string][] = [
      [disabled.primary, 'key_disabled'],
      [revoked.primary, 'key_revoked'],
      [deleted.primary, 'key_unknown'],
      [replaced.primary, 'secret_wrong'],
      [expired.primary, 'key_expired'],
      [rotated.primary, 'secret_expired'],
      [issued.ok ? issued.token : '', 'secret_replaced'],
      [`${disabled.primary}0`, 'secret_malformed'],
      [secret.replace(/.$/, (last) => (last === '0' ? '1' : '0')), 'checksum_wrong'],
    ]
    const refusals = new Set<unknown>()
    for (const [text, reason] of cases) {
      const verified = text.startsWith('tk_')
        ? await twinkey.keys.verify(text)
        : await twinkey.tokens.verify(text)
      refusals.add(verified.ok ? 'let in' : verified.refusal)
      expect(events.at(-1)).toMatchObject({
        type: 'access.refused',
        code: 'credential_invalid',
        reason,
      })
    }
    expect(refusals.size).toBe(1)
    const [refusal] = refusals
    expect(refusal).toEqual({ code: 'credential_invalid', detail: 'The credential is not valid.' })
    expect(Object.isFrozen(refusal)).toBe(true)
  })
})

it('a secret that fills a whole header may be as long as the longest credential, and no longer', () => {
  expect(readWhole('x'.repeat(8192), true)).toMatchObject({ kinds: 'secret' })
  expect(readWhole('x'.repeat(8193), true)).toMatchObject({ code: 'credential_invalid' })
})
