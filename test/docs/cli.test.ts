import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands/index.ts'
import { commandOf, readFor, split } from '../../src/cli/parse.ts'
import { blocksOf, readGuide } from '../support/guide.ts'

test('docs/cli.md has exactly the commands of the source', () => {
  const rows = [...readGuide('cli').matchAll(/^\| `((?:keys )?[a-z-]+)(?: [^`]*)?` \| [A-Z]/gm)]
  expect(rows.map(([, words]) => words).sort()).toEqual(COMMANDS.map(({ words }) => words).sort())
})

test('every command line of docs/cli.md is valid', () => {
  const text = blocksOf('cli', 'sh').join('').replaceAll('\\\n', '')
  const lines = [...text.matchAll(/^npx twinkey ([^>#\n]+)/gm)].map(([, line]) => line as string)
  expect(lines.length).toBeGreaterThan(6)
  for (const line of lines) {
    const parsed = split(line.trim().replaceAll("'", '').split(/\s+/), COMMANDS)
    expect(() => readFor(commandOf(parsed.words, COMMANDS), parsed)).not.toThrow()
  }
})
