/**
 * Welch's t between two classes of samples: for all samples, and the value farthest from zero over
 * 100 cutoffs of the slowest samples.
 */
export interface Separation {
  readonly raw: number
  readonly farthest: number
  /** The median of class 0 minus that of class 1, in the unit of the times. */
  readonly mediansApart: number
}

const CROPS = 100

/**
 * Compares the times of two classes as dudect does. The slow tail comes mostly from the machine, so
 * cutting it off at many places reveals differences that it hides. Above 4.5 the classes are
 * distinguishable.
 *
 * @param times The sample times.
 * @param classes The class of each sample, 0 or 1.
 */
export function separationOf(times: Float64Array, classes: Uint8Array): Separation {
  const raw = welchT(times, classes, Number.POSITIVE_INFINITY)
  const sorted = times.slice().sort()
  let farthest = raw
  for (let crop = 1; crop <= CROPS; crop++) {
    // Cutoffs are denser towards the slow end, as in dudect.
    const share = 1 - 0.5 ** ((10 * crop) / CROPS)
    const t = welchT(
      times,
      classes,
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number,
    )
    if (Math.abs(t) > Math.abs(farthest)) farthest = t
  }
  return { raw, farthest, mediansApart: medianOf(times, classes, 0) - medianOf(times, classes, 1) }
}

function medianOf(times: Float64Array, classes: Uint8Array, of: 0 | 1): number {
  const own = times.filter((_, i) => classes[i] === of).sort()
  return own[own.length >> 1] ?? 0
}

// Uses the samples below a limit. One pass with running means, because a sum of a million squares
// loses the precision needed here.
function welchT(times: Float64Array, classes: Uint8Array, below: number): number {
  const count = [0, 0] as [number, number]
  const mean = [0, 0] as [number, number]
  const squares = [0, 0] as [number, number]
  for (let i = 0; i < times.length; i++) {
    const time = times[i] as number
    if (time >= below) continue
    const of = classes[i] as 0 | 1
    const off = time - mean[of]
    mean[of] += off / ++count[of]
    squares[of] += off * (time - mean[of])
  }
  if (count[0] < 2 || count[1] < 2) return 0
  const error = Math.sqrt(
    squares[0] / (count[0] - 1) / count[0] + squares[1] / (count[1] - 1) / count[1],
  )
  return error === 0 ? 0 : (mean[0] - mean[1]) / error
}
