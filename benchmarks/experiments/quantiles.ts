/** Median, 99th percentile and maximum, rounded to a hundredth. */
export function quantiles(numbers: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 100,
    ) / 100
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

/** The median of measured values, and between which values nine of ten lie. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** Median, 5th and 95th percentile. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number
  return { median: at(0.5), low: at(0.05), high: at(0.95) }
}
