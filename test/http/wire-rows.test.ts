import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { boomiFlowTable } from './boomi-flow-table.ts'
import { flareTable } from './flare-table.ts'
import { flowgearTable } from './flowgear-table.ts'
import { wireFacts } from './wire-rows.ts'

const tables = [boomiFlowTable, flareTable, flowgearTable]
const inTables = tables.flatMap((table) => table.map(({ name }) => name))
const inFiles = [
  'boomi-flow.test.ts',
  'flare.test.ts',
  'flowgear.test.ts',
  '../clients/clients.test.ts',
].flatMap((file) => {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return [...text.matchAll(/^ *test\('([^']+)'/gm)].map(([, name]) => name)
})

test('no two rows of the tables have the same name', () => {
  expect(inTables.filter((name, at) => inTables.indexOf(name) !== at)).toEqual([])
})

test('every table has at least thirty rows', () => {
  for (const table of tables) expect(table.length).toBeGreaterThanOrEqual(30)
})

test('every fact of the wire has tests, or a reason for having none', () => {
  for (const { behaviour, section, tests, why } of wireFacts) {
    expect([section, behaviour, (tests?.length ?? 0) > 0 !== (why ?? '') > '']).toEqual([
      section,
      behaviour,
      true,
    ])
  }
})

test('every test named for a fact of the wire exists', () => {
  const known = new Set([...inTables, ...inFiles])
  expect(known.size).toBeGreaterThan(inTables.length)
  expect(wireFacts.flatMap(({ tests = [] }) => tests.filter((name) => !known.has(name)))).toEqual(
    [],
  )
})
