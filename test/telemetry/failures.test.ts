import { instrument } from 'twinkey/telemetry'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createScene, requestWith } from './scene.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

describe('a failing instrument', () => {
  const fail = () => {
    throw new TypeError('full of secrets')
  }
  const span = { spanContext: () => ({ traceId: '1' }), setAttributes: fail, end: fail }

  it.each([
    ['tracer that makes no span', { tracer: { startSpan: fail } }],
    ['tracer whose spans do not end', { tracer: { startSpan: () => span } }],
    [
      'meter that records nothing',
      {
        meter: {
          createHistogram: () => ({ record: fail }),
          createCounter: () => ({ add() {} }),
          createObservableGauge: () => ({ addCallback() {}, removeCallback() {} }),
        },
      },
    ],
  ])('does not affect a decision: a %s', async (_, instruments) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const { twinkey, primary, decide } = await createScene()
      stops.push(instrument(twinkey, instruments as never))
      expect(await decide(requestWith(primary))).toMatchObject({ ok: true })
      expect(await decide(requestWith('acme_1'))).toMatchObject({ ok: false })
      expect(await twinkey.tokens.issue(primary)).toMatchObject({ ok: true })
      expect(warn.mock.calls).toEqual([
        [
          expect.stringContaining('(TypeError)'),
          { type: 'TwinkeyWarning', code: 'warning.telemetry_failed' },
        ],
      ])
      expect(String(warn.mock.calls)).not.toContain('secrets')
    } finally {
      warn.mockRestore()
    }
  })
})
