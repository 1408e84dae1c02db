import { createTwinkey, type TwinkeyEvent, type TwinkeyOptions } from 'twinkey'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createService } from '../../security/forge-service.ts'
import { createBench } from '../../support/bench.ts'
import { settled } from '../../support/gate.ts'
import { codeOf, verdict } from '../../support/sent.ts'

const MINUTE = 60_000
const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

interface Warning {
  readonly name: string
  readonly code?: string
  readonly message: string
}

let warnings: Warning[]
const hear = (warning: Warning) => warnings.push(warning)
beforeEach(() => {
  warnings = []
  process.on('warning', hear)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  process.off('warning', hear)
})

function failing(error: unknown): [string, NonNullable<TwinkeyOptions['onEvent']>][] {
  return [
    [
      'throws',
      () => {
        throw error
      },
    ],
    ['rejects', () => Promise.reject(error)],
    [
      'rejects later',
      async () => {
        await settled()
        throw error
      },
    ],
    [
      'answers what throws when it is waited for',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: the case is a thenable that fails
        then: () => {
          throw error
        },
      }),
    ],
  ]
}

const down = Object.assign(new Error('insert of s3cret failed'), {
  name: 'DatabaseError',
  code: '42P01',
})

describe.each(failing(down))('a listener that %s', (_name, onEvent) => {
  it('is reported once a minute, with the number of failures in between', async () => {
    const { twinkey, clock } = createBench({ onEvent })
    const { key } = await twinkey.keys.create(INPUT)
    await settled()
    const first =
      'onEvent failed for key.created (DatabaseError 42P01), so the event may be lost. Decisions are not affected. Catch errors in onEvent to see them in full.'
    expect(warnings).toMatchObject([
      { name: 'TwinkeyWarning', code: 'warning.event_failed', message: first },
    ])
    await twinkey.keys.disable(key.id)
    await twinkey.keys.enable(key.id)
    await settled()
    clock.advance(MINUTE - 1)
    await twinkey.keys.disable(key.id)
    await settled()
    expect(warnings).toHaveLength(1)
    clock.advance(1)
    await twinkey.keys.revoke(key.id)
    await settled()
    expect(warnings[1]?.message).toBe(
      'onEvent failed for key.revoked (DatabaseError 42P01), so the event may be lost. 3 more failed since the last warning. ' +
        'Decisions are not affected. Catch errors in onEvent to see them in full.',
    )
    clock.advance(-10 * MINUTE)
    await twinkey.keys.delete(key.id)
    await settled()
    expect(warnings.map(({ message }) => message.split(' ')[3])).toEqual([
      'key.created',
      'key.revoked',
      'key.deleted',
    ])
    expect(warnings[2]?.message).not.toContain('more failed')
  })

  it('is also reported by a verifier, and affects no decision', async () => {
    const service = await createService()
    const { token } = await service.mint()
    await settled()
    const verifier = service.another({ onEvent })
    expect([codeOf(await verifier.verify(token)), codeOf(await verifier.verify('x'))]).toEqual([
      'let in',
      'credential_invalid',
    ])
    await verifier.flush()
    await settled()
    expect(warnings.map(({ code, message }) => [code, message.split(',')[0]])).toEqual([
      ['warning.event_failed', 'onEvent failed for access.allowed (DatabaseError 42P01)'],
    ])
  })
})

describe('the warning of a failed listener', () => {
  const lost = async (error: unknown) => {
    const twinkey = createTwinkey({
      onEvent: () => {
        throw error
      },
    })
    const { primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, primary)).toBe('let in')
    await settled()
    return primary
  }

  it.each<[string, unknown, string]>([
    ['text', 'tk_s3cret', ''],
    ['undefined', undefined, ''],
    [
      'an error of Node',
      Object.assign(new Error('s3cret'), { code: 'ECONNREFUSED' }),
      ' (Error ECONNREFUSED)',
    ],
    [
      'an error with a number',
      Object.assign(new TypeError('s3cret'), { code: 7 }),
      ' (TypeError 7)',
    ],
    [
      'a secret in name and code',
      Object.assign(new Error('s3cret'), { name: 'tk_s3cret', code: 'tk_s3cret' }),
      '',
    ],
    [
      'members that cannot be read',
      {
        get name() {
          throw new Error('s3cret')
        },
      },
      '',
    ],
    ['members that are no text', { name: { s3cret: 1 }, code: ['s3cret'], message: 's3cret' }, ''],
  ])('shows at most the name and the code of the error: %s', async (_name, error, shown) => {
    const primary = await lost(error)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]?.message).toMatch(/^onEvent failed for key\.created/)
    expect(warnings[0]?.message).toContain(`key.created${shown}, so`)
    for (const secret of ['s3cret', primary]) expect(warnings[0]?.message).not.toContain(secret)
  })

  it('goes to the console if the platform has no process, or one without warnings', async () => {
    const logged = vi.spyOn(console, 'warn').mockReturnValue()
    for (const process of [undefined, {}]) {
      vi.stubGlobal('process', process)
      await lost(down)
      vi.unstubAllGlobals()
      expect(logged.mock.calls).toEqual([
        [
          expect.stringMatching(
            /^warning\.event_failed: onEvent failed for key\.created \(DatabaseError/,
          ),
        ],
      ])
      logged.mockClear()
    }
    expect(warnings).toEqual([])
  })

  it('is dropped if there is no console either, or if emitWarning throws', async () => {
    vi.stubGlobal('process', undefined)
    vi.stubGlobal('console', undefined)
    await lost(down)
    vi.unstubAllGlobals()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {
      throw new Error('no warnings here')
    })
    await lost(down)
    expect(warned).toHaveBeenCalledTimes(1)
  })

  it('is not written for a listener that has not failed', async () => {
    const heard: TwinkeyEvent[] = []
    const { twinkey } = createBench({ onEvent: async (event) => void heard.push(event) })
    await twinkey.keys.create(INPUT)
    await twinkey.close()
    expect([heard.length, warnings]).toEqual([1, []])
  })
})
