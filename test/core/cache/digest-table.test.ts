import { describe, expect, it } from 'vitest'
import { createDigestTable } from '../../../src/core/cache/digest-table.ts'
import { sha256 } from '../../../src/core/secrets/hash.ts'

const digestOf = (place: number) => sha256(`secret ${place}`)

/** The digest with one of its 256 bits changed. */
function flipped(digest: string, bit: number): string {
  const at = bit >> 4
  const changed = String.fromCharCode(digest.charCodeAt(at) ^ (1 << (bit & 15)))
  return digest.slice(0, at) + changed + digest.slice(at + 1)
}

describe('a digest table', () => {
  it('finds a value under its digest, and under none that differs in one bit', () => {
    const table = createDigestTable<string>()
    const digest = digestOf(1)
    table.set(digest, 'here')
    expect(table.get(digest)).toBe('here')
    for (let bit = 0; bit < 256; bit++) expect(table.get(flipped(digest, bit))).toBeUndefined()
  })

  it('finds nothing before anything is set, not even under zeros', () => {
    expect(createDigestTable().get('\0'.repeat(16))).toBeUndefined()
  })

  it('deletes a value by a digest within a longer text, and no other value in its place', () => {
    const table = createDigestTable<string>()
    const digest = digestOf(1)
    table.set(digest, 'here')
    table.delete(flipped(digest, 255) + digest, 0)
    expect(table.get(digest)).toBe('here')
    table.delete(flipped(digest, 255) + digest, 16)
    expect(table.get(digest)).toBeUndefined()
  })

  it('never returns a deleted value or that of another digest, however many are set', () => {
    const table = createDigestTable<number>()
    const model = new Map<string, number>()
    let found = 0
    for (let round = 0; round < 200_000; round++) {
      const place = (round * 7919) % 30_000
      const digest = digestOf(place)
      const value = table.get(digest)
      if (value !== undefined) {
        found++
        if (value !== model.get(digest)) expect.fail(`round ${round}: ${value} is under ${place}`)
      }
      if (round % 3 === 0) {
        table.delete(digest, 0)
        model.delete(digest)
      } else {
        table.set(digest, round)
        model.set(digest, round)
      }
    }
    expect(found).toBeGreaterThan(20_000)
  })

  it('finds at least four in five of 10,000 values that are used in turn', () => {
    const table = createDigestTable<number>()
    const digests = Array.from({ length: 10_000 }, (_, place) => digestOf(place))
    let found = 0
    for (let turn = 0; turn < 4; turn++) {
      found = 0
      for (const [place, digest] of digests.entries()) {
        if (table.get(digest) === place) found++
        else table.set(digest, place)
      }
    }
    expect(found).toBeGreaterThan(8000)
  })
})
