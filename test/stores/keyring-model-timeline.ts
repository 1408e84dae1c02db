interface State<V> {
  readonly value: V
  readonly from: number
}

/** What something was from when on, and which of it each node may still go by. */
export class Timeline<V> {
  readonly #states: State<V>[]
  // Of each node the oldest state that it may still have in its cache.
  readonly #oldest = new Map<number, number>()

  constructor(first: V, now: number) {
    this.#states = [{ value: first, from: now }]
  }

  /** What it is now. */
  get latest(): V {
    return (this.#states.at(-1) as State<V>).value
  }

  /** What it was until it became what it is. */
  get before(): V | undefined {
    return this.#states.at(-2)?.value
  }

  /** Since when it has been what it is. */
  get changedAt(): number {
    return (this.#states.at(-1) as State<V>).from
  }

  become(value: V, now: number): void {
    if (value !== this.latest) this.#states.push({ value, from: now })
  }

  /** From now on the node goes by nothing that is older than this value, or than the latest one. */
  caughtUp(node: number, value: V = this.latest): void {
    const index = this.#states.findLastIndex((state) => state.value === value)
    this.#oldest.set(node, Math.max(index, this.#oldest.get(node) ?? 0))
  }

  /**
   * What the node may go by: every value that it may have been told less than its greatest age ago,
   * and nothing else.
   *
   * @param maxAge How old a value may be, in milliseconds.
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
