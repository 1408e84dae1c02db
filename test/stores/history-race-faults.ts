import type { KeyStore } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'

/** What becomes of a write that the core hears nothing good of. */
export type Fault =
  /** Written, and the answer is lost. */
  | 'answer lost'
  /** Reported as failed while it is still being written. */
  | 'under way'
  /** Not written, without a word about that. */
  | 'failed'
  /** Not written, as the store knows. */
  | 'refused'
  /** Written, and never answered. */
  | 'no answer'
  /** Written once the core has stopped waiting. */
  | 'late'

/** The writes of a round as the backend answered them, whatever became of the answers. */
export interface Ledger {
  readonly records: KeyRecord[]
  /** The ids of the deleted keys, with the deleted versions. */
  readonly deleted: { readonly id: string; readonly version: number }[]
  /** Writes that may still be under way. */
  readonly underWay: Promise<unknown>[]
  readonly faults: Map<Fault, number>
}

export interface RaceOptions {
  readonly random: () => number
  /** The share of writes that have a fault. */
  readonly share: number
  readonly faults: readonly Fault[]
  readonly deadlineSeconds: number
  readonly now?: () => number
}

/** Notes what the backend has really written. */
export function recorded(inner: KeyStore, { records, deleted, underWay }: Ledger): KeyStore {
  const { watch: _, ...store } = inner
  const noted = <T>(call: Promise<T>): Promise<T> => {
    underWay.push(call.catch(() => {}))
    return call
  }
  return {
    ...store,
    put: (next, expected, entry, signal) =>
      noted(
        inner.put(next, expected, entry, signal).then((outcome) => {
          if (outcome === 'stored' && next.kind === 'key') records.push(next)
          return outcome
        }),
      ),
    delete: (id, version, entry, signal) =>
      noted(
        inner.delete(id, version, entry, signal).then((outcome) => {
          if (outcome === 'deleted') deleted.push({ id, version })
          return outcome
        }),
      ),
  }
}

/** Lets some writes fail, or succeed without an answer. */
export function faulty(
  inner: KeyStore,
  { faults: tally, underWay }: Ledger,
  { random, share, faults }: RaceOptions,
): KeyStore {
  const lost = () => new Error('the connection is lost')
  const hang = () => new Promise<never>(() => {})
  async function withFault<T>(
    write: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const fault =
      random() < share ? (faults[Math.floor(random() * faults.length)] as Fault) : undefined
    if (fault === undefined) return write()
    tally.set(fault, (tally.get(fault) ?? 0) + 1)
    if (fault === 'failed') throw lost()
    if (fault === 'refused') throw Object.assign(lost(), { code: 'not_written' })
    if (fault === 'late') {
      const stopped = new Promise<void>((resolve) =>
        signal?.addEventListener('abort', () => resolve(), { once: true }),
      )
      const writing = stopped.then(write)
      underWay.push(writing.catch(() => {}))
      return hang()
    }
    const writing = write()
    if (fault === 'under way') {
      writing.catch(() => {})
      throw lost()
    }
    await writing
    if (fault === 'no answer') return hang()
    throw lost()
  }
  return {
    ...inner,
    put: (next, expected, entry, signal) =>
      withFault(() => inner.put(next, expected, entry), signal),
    delete: (id, version, entry, signal) =>
      withFault(() => inner.delete(id, version, entry), signal),
  }
}
