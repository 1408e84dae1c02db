interface State<V> {
  readonly value: V
  readonly from: number
}

/** The values of something over time, and which of them each node may still use. */
export class Timeline<V> {
  readonly #states: State<V>[]
  // For each node, the oldest value that it may still have in its cache.
  readonly #oldest = new Map<number, number>()

  constructor(first: V, now: number) {
    this.#states = [{ value: first, from: now }]
  }

  /** The current value. */
  get latest(): V {
    return (this.#states.at(-1) as State<V>).value
  }

  /** The previous value. */
  get before(): V | undefined {
    return this.#states.at(-2)?.value
  }

  /** Since when the current value holds. */
  get changedAt(): number {
    return (this.#states.at(-1) as State<V>).from
  }

  become(value: V, now: number): void {
    if (value !== this.latest) this.#states.push({ value, from: now })
  }

  /** From now on the node uses nothing older than this value, or than the latest one. */
  caughtUp(node: number, value: V = this.latest): void {
    const index = this.#states.findLastIndex((state) => state.value === value)
    this.#oldest.set(node, Math.max(index, this.#oldest.get(node) ?? 0))
  }

  /**
   * The values that the node may use: each one that was current less than the maximum age ago.
   *
   * @param maxAge Maximum age of a value, in milliseconds.
   */
  possible(node: number, now: number, maxAge: (value: V) => number): V[] {
    const oldest = this.#oldest.get(node) ?? 0
    const isPossible = ({ value }: State<V>, index: number) => {
      const next = this.#states[index + 1]
      return index >= oldest && (next === undefined || next.from > now - maxAge(value))
    }
    return this.#states.filter(isPossible).map(({ value }) => value)
  }
}
