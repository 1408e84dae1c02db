import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type SqliteStore, sqliteStore } from 'twinkey/stores/sqlite'
import { storeContract } from 'twinkey/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
import { type DriverName, newFolder, type OpenSqlite, openSqlite } from '../support/sqlite.ts'
import { historyCases } from './sqlite-history-cases.ts'
import { processCases } from './sqlite-process-cases.ts'
import { schemaCases } from './sqlite-schema-cases.ts'
import { upgradeCases } from './sqlite-upgrade-cases.ts'
import { writeCases } from './sqlite-write-cases.ts'

// All tests of the store, for each driver. A driver that does not run here is tested in a runtime
// that has it: the same test file runs there again, and each of its tests is reported here.

const root = fileURLToPath(new URL('../..', import.meta.url))
const KINDS = ['a file, two connections', 'memory, one connection'] as const
const cases = [...schemaCases, ...writeCases, ...historyCases, ...upgradeCases, ...processCases]

/**
 * Tests the drivers in this process.
 *
 * @param inMemory The contract of a database in memory.
 */
export function describeSqlite(
  drivers: readonly DriverName[],
  inMemory: Contract = storeContract,
): void {
  describe.each(drivers)('%s', (driver) => {
    describe.each(KINDS)('the contract, on %s', (kind) => {
      let folder = ''
      const databases: OpenSqlite[] = []
      const stores: SqliteStore[] = []
      beforeAll(async () => {
        folder = newFolder()
        const paths =
          kind === KINDS[0] ? [join(folder, 'keys.db'), join(folder, 'keys.db')] : [':memory:']
        for (const path of paths) databases.push(await openSqlite(driver, path))
        stores.push(...databases.map(({ database }) => sqliteStore(database)))
        await stores[0]?.migrate()
        // The driver may have to be fetched first.
      }, 300_000)
      afterAll(() => {
        for (const database of databases) database.close()
        rmSync(folder, { recursive: true })
      })
      let opened = 0
      for (const { name, run } of kind === KINDS[0] ? storeContract : inMemory)
        test(name, () => run(async () => stores[opened++ % stores.length] as SqliteStore))
    })

    for (const { name, run } of cases) test(name, () => run(driver))
  })
}

/** A test as the runner reports it. */
interface Outcome {
  readonly fullName: string
  readonly status: string
  readonly failureMessages: readonly string[]
}

/** Tests the drivers in another runtime, by running the same file there. */
export function describeSqliteElsewhere(
  drivers: readonly DriverName[],
  file: string,
  runtime: () => string,
): void {
  const outcomes = new Map<string, Outcome>()
  beforeAll(async () => {
    if (process.env['TWINKEY_ELSEWHERE'] !== undefined)
      throw new Error(`${process.execPath} has no ${drivers.join(' and no ')} either`)
    const folder = mkdtempSync(join(tmpdir(), 'twinkey-sqlite-'))
    try {
      const report = join(folder, 'report.json')
      const said = await runVitest(runtime(), [file, '--reporter=json', `--outputFile=${report}`])
      for (const outcome of readReport(report, said)) outcomes.set(outcome.fullName, outcome)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  const names = [
    ...KINDS.flatMap((kind) => storeContract.map(({ name }) => `the contract, on ${kind} ${name}`)),
    ...cases.map(({ name }) => name),
  ]
  describe.each(drivers)('%s', (driver) => {
    test.each(names)('%s', (name) => {
      const { status, failureMessages } = outcomes.get(`${driver} ${name}`) ?? { status: 'not run' }
      expect(failureMessages?.[0] ?? status).toBe('passed')
    })
  })

  test('no other test ran', () => {
    expect(outcomes.size).toBe(drivers.length * names.length)
  })
}

function runVitest(runtime: string, args: readonly string[]): Promise<string> {
  // Without the variables that this runner sets for its own children.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_OPTIONS|NODE_PATH)/.test(name),
  )
  const child = spawn(runtime, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: root,
    env: { ...Object.fromEntries(inherited), TWINKEY_ELSEWHERE: 'yes' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  return new Promise((resolve, reject) =>
    child.on('error', reject).on('close', () => resolve(said)),
  )
}

function readReport(path: string, said: string): Outcome[] {
  try {
    const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as {
      testResults: { assertionResults: Outcome[] }[]
    }
    return testResults.flatMap(({ assertionResults }) => assertionResults)
  } catch (cause) {
    throw new Error(`There is no report. What was said: ${said.slice(0, 4000)}`, { cause })
  }
}
