/**
 * A number, or a few, that the documentation states, with the program that measures them. It is
 * `benchmarks/experiments/<name>.ts`, exported as `figure`.
 */
export interface Figure {
  /** The name of its file. */
  readonly name: string
  /** What is measured, in one line. */
  readonly title: string
  /**
   * Measures. What it throws, leaves open or prints to stdout is no figure: `run.mjs` makes a
   * failure of it.
   */
  run(options: FigureOptions): Promise<FigureResult>
}

export interface FigureOptions {
  /** Whether to measure less, so that it takes less than 30 seconds. */
  readonly quick: boolean
  readonly progress: Progress
}

/** Says to the person at the terminal what is being done. */
export type Progress = (line: string) => void

/** What was counted, as JSON, and whether it is as the documentation promises. */
export interface FigureResult {
  readonly ok: boolean
  readonly [count: string]: unknown
}
