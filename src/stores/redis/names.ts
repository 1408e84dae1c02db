/** The names of everything that a store has in Redis. */
export interface Names {
  /** The hash of a record. */
  record(id: string): string
  /** The hash of the history of a record, in the slot of the record. */
  history(id: string): string
  /** The sorted set of the keys with a label. */
  keys(label: string): string
  /** The sorted set of the entries with a label. */
  entries(label: string): string
  /** The sorted set of a label in the pre-release. */
  old(label: string): string
  readonly channel: string
}

export function createNames(prefix: string): Names {
  // Encoded, so that no label collides with the key of a record or of another label.
  const labels = (kind: string) => (label: string) =>
    `${prefix}:${kind}:${encodeURIComponent(label)}`
  return {
    record: (id) => `${prefix}:{${id}}`,
    history: (id) => `${prefix}:{${id}}:history`,
    keys: labels('index'),
    entries: labels('history'),
    old: labels('label'),
    channel: `${prefix}:changed`,
  }
}
