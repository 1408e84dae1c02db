import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createDigestTable } from '../../src/core/cache/digest-table.ts'
import { frontOf } from '../../src/core/cache/front.ts'
import type { Figure } from './figure.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * What the unusual forms in the core gain over the plain ones: digests as text of two bytes a
 * character over byte arrays, a kept place in a map over a new iterator, shared scopes over scopes
 * of their own, and a table of digests over a map of records. A form stays only as long as it gains
 * at least 5 % in memory or time.
 */
export const figure: Figure = {
  name: 'encodings',
  title:
    'what digests as text, a kept place, shared scopes and a digest table gain over plain forms',
  async run({ quick, progress }) {
    const count = quick ? 20_000 : 200_000
    progress('digests')
    const digests = {
      bytesRatio: bytesOf(count, digestText) / bytesOf(count, digestBytes),
      compareRatio: median(
        paired(
          9,
          () => compareTexts(count),
          () => compareBytes(count),
        ),
      ),
    }
    progress('evictions')
    const evictions = [100, 10_000, ...(quick ? [] : [100_000])].map((size) => ({
      size,
      timeRatio: median(
        paired(
          5,
          () => evict(size, count / 10, true),
          () => evict(size, count / 10, false),
        ),
      ),
    }))
    progress('scopes')
    const scopes = { bytesRatio: bytesOf(count, sharedScope) / bytesOf(count, ownScope) }
    progress('lookups')
    const lookups = [10_000, ...(quick ? [] : [50_000])].map((size) => ({
      size,
      timeRatio: lookUpRatio(size, quick ? 5 : 15),
    }))
    const gains = [
      digests.bytesRatio,
      evictions.at(-1)?.timeRatio ?? 1,
      scopes.bytesRatio,
      ...lookups.map(({ timeRatio }) => timeRatio),
    ]
    return { ok: gains.every((ratio) => ratio <= 0.95), digests, evictions, scopes, lookups }
  },
}

const BYTES = 64
const random = () => crypto.getRandomValues(new Uint8Array(BYTES))
const digestBytes = (): Uint8Array => Uint8Array.from(random())
const digestText = (): string => String.fromCharCode(...new Uint16Array(random().buffer))
const scopeOf = (place: number) => ({
  tenants: [`tenant-${place % 250}`],
  environments: ['production'],
  workflows: ['customers.read', 'customers.write'],
})
const ownScope = (place: number) => JSON.parse(JSON.stringify(scopeOf(place)))
const shared = new Map<number, unknown>()
function sharedScope(place: number): unknown {
  if (!shared.has(place % 250)) shared.set(place % 250, ownScope(place))
  return shared.get(place % 250)
}

/** Bytes that one value takes, with its place in a list. */
function bytesOf(count: number, make: (place: number) => unknown): number {
  const kept = new Array<unknown>(count)
  const before = used()
  for (let i = 0; i < count; i++) kept[i] = make(i)
  const bytes = (used() - before) / count
  // Held until here, so that nothing is collected before it is counted.
  if (kept.length !== count) throw new Error('The list has lost its values.')
  return bytes
}

function used(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function compareTexts(count: number): number {
  const kept = Array.from({ length: 1000 }, digestText)
  const sent = digestText()
  return nanoseconds(count, (i) => {
    const stored = kept[i % kept.length] as string
    let [first, second] = [0, 0]
    for (let at = 0; at < BYTES / 4; at++) {
      first |= sent.charCodeAt(at) ^ stored.charCodeAt(at)
      second |= sent.charCodeAt(at) ^ stored.charCodeAt(BYTES / 4 + at)
    }
    return first & second
  })
}

function compareBytes(count: number): number {
  const kept = Array.from({ length: 1000 }, digestBytes)
  const sent = digestBytes()
  return nanoseconds(count, (i) => {
    const stored = kept[i % kept.length] as Uint8Array
    let [first, second] = [0, 0]
    for (let at = 0; at < BYTES / 2; at++) {
      first |= (sent[at] as number) ^ (stored[at] as number)
      second |= (sent[at] as number) ^ (stored[BYTES / 2 + at] as number)
    }
    return first & second
  })
}

/** Puts entries into a full map, each in the place of the oldest one. */
function evict(size: number, count: number, keepsPlace: boolean): number {
  const entries = new Map<string, number>()
  for (let i = 0; i < size; i++) entries.set(`key ${i}`, i)
  const front = frontOf(entries)
  return nanoseconds(count, (i) => {
    entries.delete((keepsPlace ? front.first() : entries.keys().next().value) as string)
    entries.set(`new ${i}`, i)
    return 1
  })
}

/** The time of a lookup by digest, over that of one by id with a comparison of both slots. */
function lookUpRatio(size: number, rounds: number): number {
  const zeros = '\0'.repeat(BYTES / 4)
  const keys = Array.from({ length: size }, (_, place) => {
    const pairs = digestText().slice(0, BYTES / 4) + zeros
    // As much as the record of a key takes.
    const record = JSON.parse(JSON.stringify(Array.from({ length: 10 }, () => ({ place }))))
    const identity = { place, record, policies: undefined, allowed: { ok: true } }
    return { id: `key ${place}`.padStart(16, '0'), pairs, identity }
  })
  const byId = new Map(keys.map((key) => [key.id, key]))
  const table = createDigestTable<(typeof keys)[number]['identity']>()
  // Twice, because the table forgets its values when it grows.
  for (const { pairs, identity } of [...keys, ...keys])
    table.set(pairs.slice(0, BYTES / 4), identity)
  const sent = keys.map(({ id, pairs }) => ({ id: `tk_${id}`, digest: pairs.slice(0, BYTES / 4) }))
  const at = (i: number) => sent[(i * 7919) % size] as (typeof sent)[number]
  const byRecord = (i: number) => {
    const { id, digest } = at(i)
    const key = byId.get(id.slice(3))
    if (key === undefined) return 0
    let [first, second] = [0, 0]
    for (let each = 0; each < BYTES / 4; each++) {
      first |= digest.charCodeAt(each) ^ key.pairs.charCodeAt(each)
      second |= digest.charCodeAt(each) ^ key.pairs.charCodeAt(BYTES / 4 + each)
    }
    return (first === 0 || second === 0) && key.identity.allowed.ok ? 1 : 0
  }
  const byDigest = (i: number) => {
    // If another key has taken its place in the table, the key is found by its record.
    const identity = table.get(at(i).digest)
    return identity === undefined ? byRecord(i) : Number(identity.allowed.ok)
  }
  return median(
    paired(
      rounds,
      () => nanoseconds(4 * size, byDigest),
      () => nanoseconds(4 * size, byRecord),
    ),
  )
}

let sink = 0

function nanoseconds(count: number, work: (place: number) => number): number {
  const began = process.hrtime.bigint()
  for (let i = 0; i < count; i++) sink += work(i)
  if (Number.isNaN(sink)) throw new Error('The work was left out.')
  return Number(process.hrtime.bigint() - began) / count
}

/** Ratios of two measurements, side by side in alternating order. */
function paired(rounds: number, one: () => number, other: () => number): number[] {
  return Array.from({ length: rounds }, (_, round) => {
    if (round % 2 === 0) return one() / other()
    const second = other()
    return one() / second
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number
}
