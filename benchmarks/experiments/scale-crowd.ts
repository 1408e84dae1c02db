import type { KeyStore, Position } from 'twinkey/store'
import { copyOf, type Original, originalIn } from './scale-copy.ts'

const BATCH = 5000

/** A store with many keys. Each key has one used secret. */
export interface Crowd {
  readonly store: KeyStore
  /** The ids of its keys, by number. */
  readonly ids: readonly string[]
  /** Makes one more key like the one with this number. The caller writes it. */
  readonly original: Original
  /** The hint of a key. */
  readonly hint: string
  /** The place of the key in the middle of the order. */
  readonly middle: Position
  /** Bytes for one key, with indexes and last use. */
  readonly bytesPerKey: number
}

/** A server that holds several crowds. */
export interface Ground {
  /** Makes keys: the store writes the first, the others are copied directly into the database. */
  gather(keys: number, told: (done: number) => void): Promise<Crowd>
  stop(): Promise<void>
}

/** How to fill one store. */
export interface Filling {
  readonly store: KeyStore
  /** The stored text of the only key. */
  written(): Promise<string | undefined>
  write(copies: readonly Original[]): Promise<void>
  /** Ends the filling, and returns the size of the store in bytes. */
  finish(): Promise<number>
}

export async function gather(
  { store, written, write, finish }: Filling,
  keys: number,
  told: (done: number) => void,
): Promise<Crowd> {
  const original = await originalIn(store, keys)
  const text = await written()
  // The copied text must be exactly what the store wrote.
  if (text !== original.text)
    throw new Error(`the store has written ${text} and not ${original.text}`)
  const ids = [original.record.id]
  let middle = original
  while (ids.length < keys) {
    const copies = Array.from({ length: Math.min(BATCH, keys - ids.length) }, (_, i) =>
      copyOf(original, ids.length + i),
    )
    await write(copies)
    middle = copies[keys / 2 - ids.length] ?? middle
    ids.push(...copies.map(({ record }) => record.id))
    if (ids.length % 100_000 < BATCH) told(ids.length)
  }
  const { id, createdAt, primary } = middle.record
  return {
    store,
    ids,
    original,
    hint: primary.hint,
    middle: { at: createdAt, id },
    bytesPerKey: Math.round((await finish()) / keys),
  }
}
