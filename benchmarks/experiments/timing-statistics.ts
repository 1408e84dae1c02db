/**
 * Welch's t between two classes of samples: of all, and the farthest from zero when the slowest are
 * cut off at each of 100 places.
 */
export interface Separation {
  readonly raw: number
  readonly farthest: number
  /** By how much the median of class 0 is above that of class 1, in the unit of the times. */
  readonly mediansApart: number
}

const CROPS = 100

/**
 * How far apart the times of two classes are, in the manner of dudect: the slow tail is mostly the
 * machine, and cutting it off at many places finds a difference that it hides. Beyond 4.5 the
 * classes can be told apart.
 *
 * @param times The sample times.
 * @param classes The class of each, 0 or 1.
 */
export function separationOf(times: Float64Array, classes: Uint8Array): Separation {
  const raw = welchT(times, classes, Number.POSITIVE_INFINITY)
  const sorted = times.slice().sort()
  let farthest = raw
  for (let crop = 1; crop <= CROPS; crop++) {
    // Denser towards the slow end, as in dudect.
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

// Of the samples below a limit. In one pass, with running means: the sum of a million squares would
// lose what is looked for.
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
