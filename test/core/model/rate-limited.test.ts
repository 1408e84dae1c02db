import { rateLimited } from 'twinkey'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { describe, expect, it } from 'vitest'

const profiles = [standard(), boomiFlow(), flare({ account: () => undefined }), flowgear()]

describe('rateLimited', () => {
  it.each([
    [59.984, '60'],
    [60, '60'],
    [1, '1'],
    [0.2, '1'],
    [1e-9, '1'],
    [Number.MIN_VALUE, '1'],
    [0, '1'],
    [-0, '1'],
    [86_400.5, '86401'],
    [2_592_000, '2592000'],
    [2_147_483_646.1, '2147483647'],
    [1e21, '2147483647'],
    [Number.MAX_VALUE, '2147483647'],
  ])(
    'with %s seconds gives whole seconds in the Retry-After of every profile: %s',
    (seconds, header) => {
      const refusal = rateLimited(seconds)
      expect(refusal.retryAfterSeconds).toBe(Number(header))
      for (const profile of profiles)
        expect([profile.name, profile.refuse(refusal).headers['retry-after']]).toEqual([
          profile.name,
          header,
        ])
    },
  )

  it.each([Number.NaN, -5, -1e-9, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'with %s throws a RangeError',
    (seconds) => {
      expect(() => rateLimited(seconds)).toThrow(
        new RangeError('rateLimited: retryAfterSeconds must be a number of seconds, 0 or more.'),
      )
    },
  )

  it.each([undefined, null, '60', 60n, {}, new Date()])('with %o throws a TypeError', (seconds) => {
    expect(() => rateLimited(seconds as unknown as number)).toThrow(TypeError)
  })
})
