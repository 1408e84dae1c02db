/**
 * A measurement that the documentation quotes, with its program. It is exported as `figure` by
 * `benchmarks/experiments/<name>.ts`.
 */
export interface Figure {
  /** The name of its file without the extension. */
  readonly name: string
  /** The quantity that is measured, in one line. */
  readonly title: string
  /**
   * Measures. `run.mjs` reports a failure if it throws, leaves a resource open, or prints to
   * stdout.
   */
  run(options: FigureOptions): Promise<FigureResult>
}

export interface FigureOptions {
  /** Measures less, so that it takes less than 30 seconds. */
  readonly quick: boolean
  readonly progress: Progress
}

/** Reports progress on the terminal. */
export type Progress = (line: string) => void

/** The counts as JSON, and whether they meet the promise of the documentation. */
export interface FigureResult {
  readonly ok: boolean
  readonly [count: string]: unknown
}
