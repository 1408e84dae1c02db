/** Median, 99th percentile and maximum, rounded to a hundredth. */
export function quantiles(numbers: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 100,
    ) / 100
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
