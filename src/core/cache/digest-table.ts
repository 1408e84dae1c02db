/**
 * Finds values by a digest of 32 bytes, as `#hash` returns it. A new value replaces another one in
 * its place, so a value can be absent at any time.
 */
export interface DigestTable<V> {
  /** Compares in constant time. */
  get(digest: string): V | undefined
  set(digest: string, value: V): void
  /** @param start Where the digest begins in the text. */
  delete(text: string, start: number): void
}

const CHARACTERS = 16
const WORDS = 8
// The first character of a digest selects its place.
const MAX_PLACES = 65_536
const MIN_PLACES = 256
const GROWTH = 4

/**
 * The digests are next to each other in one array, and each digest selects its own place. So a
 * lookup reads two places of memory. With a map and its records, it would read several more.
 */
export function createDigestTable<V>(): DigestTable<V> {
  let mask = MIN_PLACES - 1
  let words = new Int32Array(MIN_PLACES * WORDS)
  let values: (V | undefined)[] = new Array(MIN_PLACES).fill(undefined)
  // How many digests took an empty place, or the place of another digest, since the last growth.
  let additions = 0

  // Zero if the digest is the one in that place. Constant time: no early exit.
  function difference(text: string, start: number, place: number): number {
    let word = place * WORDS
    let different = 0
    for (let i = start; i < start + CHARACTERS; i += 2)
      different |= wordAt(text, i) ^ (words[word++] as number)
    return different
  }

  // The values are not moved, because a value can be absent at any time.
  function grow(): void {
    const places = (mask + 1) * GROWTH
    mask = places - 1
    words = new Int32Array(places * WORDS)
    values = new Array(places).fill(undefined)
    additions = 0
  }

  return {
    get(digest) {
      const place = digest.charCodeAt(0) & mask
      return difference(digest, 0, place) === 0 ? values[place] : undefined
    },
    set(digest, value) {
      let place = digest.charCodeAt(0) & mask
      const isNew = difference(digest, 0, place) !== 0
      if (isNew && ++additions > (mask + 1) / 2 && mask + 1 < MAX_PLACES) {
        grow()
        place = digest.charCodeAt(0) & mask
      }
      let word = place * WORDS
      for (let i = 0; i < CHARACTERS; i += 2) words[word++] = wordAt(digest, i)
      values[place] = value
    },
    // The digest remains, which lets a reloaded record return without growth.
    delete(text, start) {
      const place = text.charCodeAt(start) & mask
      if (difference(text, start, place) === 0) values[place] = undefined
    },
  }
}

function wordAt(text: string, i: number): number {
  return text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
}
