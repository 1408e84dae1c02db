import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readGuide } from '../support/guide.ts'
import { tried } from '../support/tried.ts'

const HEADING = '\n## What was tried\n'
const guides = readdirSync(new URL('../../docs', import.meta.url))
  .flatMap((file) => (file.endsWith('.md') ? [file.slice(0, -'.md'.length)] : []))
  .filter((guide) => readGuide(guide).includes(HEADING))

test('the guides for foreign packages have a table of what was tried', () => {
  expect(guides).toEqual(
    expect.arrayContaining(['nestjs-sockets', 'openapi', 'orms', 'other-frameworks']),
  )
})

describe.each(guides)('the table of what was tried in docs/%s.md', (guide) => {
  test('has the versions that the tests install', () => {
    const [, section = ''] = readGuide(guide).split(HEADING)
    const rows = [...section.matchAll(/^\| `([^`]+)` \| ([^| ]+) \|/gm)]
    expect(rows.length).toBeGreaterThanOrEqual(5)
    const versions = Object.entries(tried).map(
      ([name, version]) => `${name.replace(/(?<=.)@\d+$/, '')} ${version}`,
    )
    for (const [, name, version] of rows) expect(versions).toContain(`${name} ${version}`)
  })
})
