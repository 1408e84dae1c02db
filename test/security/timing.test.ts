import { describe, expect, it } from 'vitest'
import { separationOf } from '../../benchmarks/experiments/timing-statistics.ts'
import { nearDigest, trialsOf } from '../../benchmarks/experiments/timing-trials.ts'
import { digestSecret, slotDigests } from '../../src/core/secrets/digest.ts'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'

// The statistics of `npm run figure -- timing`, which measures. Nothing here does.

describe('the t-test of the timing figure', () => {
  it('answers Welch’s t, and the difference of the medians', () => {
    const times = Float64Array.of(1, 2, 2, 4, 3, 6)
    const { raw, mediansApart } = separationOf(times, Uint8Array.of(0, 1, 0, 1, 0, 1))
    expect(raw).toBeCloseTo(-2 / Math.sqrt(1 / 3 + 4 / 3), 12)
    expect(mediansApart).toBe(-2)
  })

  it('finds a difference that a slow tail hides, by cutting the tail off', () => {
    const { times, classes } = samples(
      (of, random) => 1000 + 3 * of + 10 * random() + (random() < 0.01 ? 100_000 * random() : 0),
    )
    const { raw, farthest, mediansApart } = separationOf(times, classes)
    expect(Math.abs(raw)).toBeLessThan(4.5)
    expect(farthest).toBeLessThan(-50)
    expect(mediansApart).toBeCloseTo(-3, 0)
  })

  it('finds none where there is none', () => {
    const { times, classes } = samples(
      (_, random) => 1000 + 10 * random() + (random() < 0.01 ? 100_000 * random() : 0),
    )
    expect(Math.abs(separationOf(times, classes).farthest)).toBeLessThan(4.5)
  })

  it('answers 0 where all samples are equal, or of one class', () => {
    expect(separationOf(new Float64Array(10), new Uint8Array(10))).toMatchObject({
      raw: 0,
      farthest: 0,
    })
    expect(separationOf(Float64Array.of(1, 1, 1, 1), Uint8Array.of(0, 0, 1, 1))).toMatchObject({
      raw: 0,
      farthest: 0,
    })
  })
})

describe('the trials of the timing figure', () => {
  it('let nobody in, of either class', async () => {
    const { earlyExit, ...trials } = await trialsOf(2)
    for (const trial of Object.values(trials)) {
      await trial.fill(Uint8Array.of(0, 1))
      for (const slot of [0, 1])
        expect((trial.call(slot) as { ok: boolean } | undefined)?.ok ?? false).toBe(false)
    }
    earlyExit.fill(Uint8Array.of(0, 1))
    expect([earlyExit.call(0), earlyExit.call(1)]).toEqual([false, false])
  })

  it('use near misses that differ only in the last byte', () => {
    const secret = mintSecret('tk', mintId())
    const { pairs } = slotDigests(`sha-256:${nearDigest(secret)}`, digestSecret(secret, undefined))
    const bytes = Buffer.from(pairs, 'utf16le')
    const [near, right] = [bytes.subarray(0, 32), bytes.subarray(32)]
    expect([...near].flatMap((byte, i) => (byte === right[i] ? [] : [i]))).toEqual([31])
  })
})

// The same in every run.
function samples(time: (of: 0 | 1, random: () => number) => number) {
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const classes = Uint8Array.from({ length: 20_000 }, () => (random() < 0.5 ? 0 : 1))
  return { classes, times: Float64Array.from(classes, (of) => time(of as 0 | 1, random)) }
}
