import { describe, expect, test } from 'vitest'
import { blocks, describeShownTests, finish } from './testing-suite.ts'

// testing.interop.test.ts has the other adapters.
describeShownTests(['express'])

describe('docs/testing.md', () => {
  test('shows keys that are limited as the text says, and a clock that ends one', () => {
    const [first = '', last = ''] = blocks.filter((block) => !block.includes('node:test'))
    const { printed } = finish(first)
    expect(printed).toMatch(/authorization: 'Bearer tk_\w+'/)
    expect(printed).toMatch(/^ada tk_\w+$/m)
    expect(printed).toMatch(/authorization: 'Bearer eyJ/)
    expect(finish(last).printed).toBe('false\n')
  })
})
