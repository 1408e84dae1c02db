/** A flood of secrets that were never issued. */
export interface FloodOrder {
  readonly secrets: 'bad checksum' | 'unknown id'
  /** The behaviour of the store. */
  readonly store: 'answers' | 'is slow' | 'hangs'
  readonly count: number
  readonly atOnce: number
  readonly deadlineSeconds: number
  readonly peers: number
  /** How many refused credentials a throttle allows each peer. Undefined for no throttle. */
  readonly allowance?: number
}

/** The results of a flood. */
export interface FloodWord {
  readonly codes: Readonly<Record<string, number>>
  readonly storeReads: number
  /** The maximum number of concurrent reads. Includes abandoned reads if the store hangs. */
  readonly readsUnderWay: number
  readonly longestMilliseconds: number
  /** The same, minus the time in which the machine gave this process no processor. */
  readonly longestServedMilliseconds: number
  /** The maximum memory beyond that before the flood, measured while nothing is in flight. */
  readonly heapGrowthBytes: number
  /** If the store hangs: the memory that one decision in flight holds, with its request. */
  readonly bytesUnderWay?: number
  /** How many of the last 20,000 secrets are refused without a store read. */
  readonly remembered: number
}
