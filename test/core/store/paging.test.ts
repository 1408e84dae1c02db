import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparePositions, fillPage, isPosition } from '../../../src/core/store/paging.ts'
import type { Position } from '../../../src/core/store/store.ts'

interface Item {
  readonly at: Position
  readonly value: number | undefined
}

/** Reads a list as a store reads its index, and counts. */
function readerOf(list: readonly Item[], isEndKnown = true) {
  const reads: number[] = []
  const read = async (after: Position | undefined, count: number) => {
    reads.push(count)
    const from = after ? list.filter(({ at }) => comparePositions(at, after) > 0) : list
    const found = from.slice(0, count)
    // A store may learn only by an empty answer that its index has ended.
    return { found, isEnd: isEndKnown ? found.length === from.length : found.length < count }
  }
  return { read, reads }
}

/** Follows the pages to the end. */
async function follow(
  list: readonly Item[],
  limit: number,
  matches: (value: number) => boolean,
  isEndKnown: boolean,
) {
  const pages: number[][] = []
  let after: Position | undefined
  do {
    const page = await fillPage({ limit, after }, readerOf(list, isEndKnown).read, matches)
    pages.push(page.values)
    if (page.next && after) expect(comparePositions(page.next, after)).toBeGreaterThan(0)
    after = page.next
  } while (after !== undefined)
  return pages
}

const id = fc.stringMatching(/^[0-9A-Za-z_-]{1,3}$/)
const items = fc
  .uniqueArray(
    fc.record({
      at: fc.record({ at: fc.nat({ max: 3 }), id }),
      value: fc.option(fc.nat({ max: 9 }), { nil: undefined }),
    }),
    { maxLength: 400, selector: ({ at }) => `${at.at} ${at.id}`, size: 'max' },
  )
  .map((list) => list.sort((a, b) => comparePositions(a.at, b.at)))

describe('the pages of an index', () => {
  it('hold together the values that match, in order, each once', async () => {
    await fc.assert(
      fc.asyncProperty(
        items,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 10 }),
        fc.boolean(),
        async (list, limit, bound, isEndKnown) => {
          const matches = (value: number) => value < bound
          const pages = await follow(list, limit, matches, isEndKnown)
          expect(pages.flat()).toEqual(
            list.flatMap(({ value }) => (value !== undefined && matches(value) ? [value] : [])),
          )
          for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit)
        },
      ),
    )
  })

  const many = Array.from({ length: 9000 }, (_, i) => ({ at: { at: i, id: 'k' }, value: i }))

  it.each([1, 100])(
    'cost a limited number of reads, whatever the query: limit %i',
    async (limit) => {
      const { read, reads } = readerOf(many)
      const page = await fillPage({ limit }, read, () => false)
      expect(page.values).toEqual([])
      expect(page.next).toEqual(many[reads.reduce((a, b) => a + b) - 1]?.at)
      expect(reads.length).toBeLessThanOrEqual(11)
      expect(reads.reduce((a, b) => a + b)).toBeLessThanOrEqual(2750)
      const needle = await follow(many, limit, (value) => value === 8999, true)
      expect([needle.flat(), needle.length]).toEqual([[8999], 4])
    },
  )

  it('read no more than one value beyond the page if each value matches', async () => {
    const { read, reads } = readerOf(many)
    const page = await fillPage({ limit: 3 }, read, () => true)
    expect([page.values, page.next, reads]).toEqual([[0, 1, 2], { at: 2, id: 'k' }, [4]])
  })

  it('end with the last value that matches', async () => {
    const { read } = readerOf(many.slice(0, 8))
    expect((await fillPage({ limit: 4 }, read, (value) => value % 2 === 0)).next).toBeUndefined()
    expect((await fillPage({ limit: 8 }, read, () => true)).next).toBeUndefined()
    expect((await fillPage({ limit: 7 }, read, () => true)).next).toEqual({ at: 6, id: 'k' })
  })
})

describe('a position', () => {
  it('is sorted by time, and within a millisecond by the bytes of its id', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b))
        expect(comparePositions({ at: 1, id: a }, { at: 1, id: b })).toBe(bytes)
        expect(comparePositions({ at: 1, id: a }, { at: 2, id: b })).toBeLessThan(0)
        expect(comparePositions({ at: 10, id: a }, { at: 9, id: b })).toBeGreaterThan(0)
      }),
    )
  })

  it.each<[boolean, unknown]>([
    [true, { at: 0, id: 'a' }],
    [true, { at: Number.MAX_SAFE_INTEGER, id: 'a'.repeat(64) }],
    [false, { at: -1, id: 'a' }],
    [false, { at: 1.5, id: 'a' }],
    [false, { at: Number.NaN, id: 'a' }],
    [false, { at: '1', id: 'a' }],
    [false, { at: 1, id: '' }],
    [false, { at: 1, id: 'a b' }],
    [false, { at: 1, id: 'a'.repeat(65) }],
    [false, { at: 1 }],
    [false, { id: 'a' }],
    [false, 'text'],
    [false, null],
    [false, undefined],
  ])('is valid: %s for %j', (isValid, value) => {
    expect(isPosition(value)).toBe(isValid)
  })
})
