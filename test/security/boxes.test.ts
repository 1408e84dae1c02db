import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { ABSENT, BOXES } from './boxes.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const files = readdirSync(folder).filter((name) => /^boxes-[a-z]+\.test\.ts$/.test(name))
/** The boxes that tests are named after, each with its file. */
const tested = files.flatMap((file) =>
  [...readFileSync(folder + file, 'utf8').matchAll(/\(\s*['"`]([A-L]\d+): /g)].map(
    ([, name]) => [name as string, file] as const,
  ),
)

it('every box has tests named after it, all in one file, and every such test has a box', () => {
  expect([...new Set(tested.map(([name]) => name))].sort()).toEqual(
    BOXES.map(({ name }) => name).sort(),
  )
  expect(new Set(tested.map((each) => each.join())).size).toBe(BOXES.length)
})

it('no test is skipped or unwritten', () => {
  for (const file of files)
    expect(readFileSync(folder + file, 'utf8'), file).not.toMatch(
      /\b(?:it|test|describe)\.(?:skip|todo|only|fails)/,
    )
})

it('no box is both present and absent', () => {
  const names = [...BOXES, ...ABSENT].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

// The words of a row are free.
it('the checklist of docs/security.md has each box with a sentence and the file of its test', () => {
  const rows = readFileSync(`${folder}../../docs/security.md`, 'utf8').split('\n')
  const fileOf = new Map(tested)
  const listed = rows.filter((row) => /^\| [A-L]\d+ \|/.test(row))
  const cells = listed.map((row) => row.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
  expect(cells.map(([name, , file]) => [name, file])).toEqual([
    ...BOXES.map(({ name }) => [name, `\`test/security/${fileOf.get(name)}\``]),
    ...ABSENT.map(({ name }) => [name, undefined]),
  ])
  for (const [name, sentence = ''] of cells) expect(`${name} ${sentence}`).toMatch(/^\S+ .{10,}/)
})
