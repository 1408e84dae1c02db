/** A flood of secrets that nobody was given. */
export interface FloodOrder {
  readonly secrets: 'bad checksum' | 'unknown id'
  /** How the store takes it. */
  readonly store: 'answers' | 'is slow' | 'hangs'
  readonly count: number
  readonly atOnce: number
  readonly deadlineSeconds: number
  readonly peers: number
  /**
   * How many refused credentials a throttle lets through for each peer; undefined for no throttle.
   */
  readonly allowance?: number
}

/** What came of a flood. */
export interface FloodWord {
  readonly codes: Readonly<Record<string, number>>
  readonly storeReads: number
  /**
   * The most reads that were under way at a time, those that were given up among them where the
   * store hangs.
   */
  readonly readsUnderWay: number
  readonly longestMilliseconds: number
  /** The same, less the time in which the machine gave this process no processor. */
  readonly longestServedMilliseconds: number
  /** The most that was in use beyond what was before the flood, whenever nothing was under way. */
  readonly heapGrowthBytes: number
  /** Where the store hangs: what one decision holds while it is under way, its request among it. */
  readonly bytesUnderWay?: number
  /** How many of the latest 20,000 secrets are refused without asking the store. */
  readonly remembered: number
}
