import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')
const [, ...sections] = read('README.md').split(/^## /m)

test('the table of the documentation has every page of docs once', () => {
  const linked = linksOf(sectionOf('Documentation')).filter((path) => /^docs\/.*\.md$/.test(path))
  const pages = readdirSync(`${root}docs`).flatMap((name) =>
    name.endsWith('.md') ? `docs/${name}` : [],
  )
  expect(linked.sort()).toEqual(pages)
})

describe('the figures', () => {
  const figures = rowsOf(sectionOf('Figures'))

  test.each(figures)('%s: %s', (measured, result, more) => {
    const [page = ''] = linksOf(more ?? '')
    const numbers = `${measured} ${result}`.match(/(?<![\w-])\d[\d,.]*/g) ?? []
    expect(numbers.length).toBeGreaterThan(0)
    const measuredThere = read(page).match(/\d[\d,.]*/g) ?? []
    for (const number of numbers) expect(measuredThere).toContain(number)
  })

  test('are in no other section', () => {
    expect(figures.length).toBeGreaterThan(0)
    for (const [measured, result] of figures)
      for (const number of `${measured} ${result}`.match(/\d[\d,.]*\d{2}/g) ?? [])
        expect(read('README.md').split(number)).toHaveLength(2)
  })
})

describe('the comparison', () => {
  const comparison = sectionOf('Comparison')
  const [header = [], ...rows] = cellsOf(comparison)
  const [, sources = ''] = /^(Sources, read in [A-Z][a-z]+ \d{4}:[\s\S]*)/m.exec(comparison) ?? []

  test('has short cells, and none is empty', () => {
    expect(header).toHaveLength(8)
    for (const row of rows.slice(1)) {
      expect(row).toHaveLength(header.length)
      expect(row.filter((cell) => !/^\S+(?: \S+){0,5}$/.test(cell))).toEqual([])
    }
  })

  test.each(header.slice(2))('names its sources for %s', (product) => {
    const [, list = ''] =
      new RegExp(`\\b${product}\\s+\\(((?:\\[[^\\]]+\\]\\([^)]+\\),?\\s*)+)\\)`).exec(sources) ?? []
    expect(linksOf(list).length).toBeGreaterThan(0)
    for (const link of linksOf(list)) expect(link).toMatch(/^https:\/\//)
  })
})

function sectionOf(heading: string): string {
  const found = sections.find((section) => section.startsWith(`${heading}\n`))
  if (found === undefined) throw new Error(`README.md has no section ${heading}`)
  return found
}

/** The rows of a table, without its head. */
function rowsOf(section: string): string[][] {
  return cellsOf(section).slice(2)
}

function cellsOf(section: string): string[][] {
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

function linksOf(text: string): string[] {
  return Array.from(text.matchAll(/\]\(([^)\s#]+)[^)\s]*\)/g), ([, link]) => link ?? '')
}
