import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import config from '../vitest.config.ts'
import { sharingFiles } from './isolation.ts'
import { SLOWEST } from './sequencer.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')
const files = ['src', 'test', 'examples', 'benchmarks'].flatMap((folder) =>
  readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => /\.(?:ts|mts|mjs|js)$/.test(path) && !path.includes('node_modules')),
)
const testFiles = files.filter((path) => path.endsWith('.test.ts'))
const declaring = files.filter((path) =>
  /^import \{[^}]*\b(?:test|it)\b[^}]*\} from 'vitest'/m.test(read(path)),
)

describe('every test is in one suite', () => {
  it('files named *.interop.test.ts are in the suite interop, and all other test files are in main', () => {
    const projects = config.test?.projects as {
      extends: true
      test: { name: string; include: string[]; exclude?: string[] }
    }[]
    const shared = sharingFiles()
    expect(
      projects.map(({ test: { name, include, exclude = [] } }) => [name, include, exclude]),
    ).toEqual([
      ['main', ['test/**/*.test.ts'], ['test/**/*.interop.test.ts', ...shared]],
      ['main-shared', shared, []],
      ['interop', ['test/**/*.interop.test.ts'], []],
    ])
    expect(shared.filter((path) => !testFiles.includes(path))).toEqual([])
    expect(testFiles.filter((path) => !path.startsWith('test/'))).toEqual([])
    expect(testFiles.filter((path) => path.endsWith('.interop.test.ts')).length).toBeGreaterThan(5)
    expect(
      testFiles
        .filter((path) => path.includes('interop'))
        .every((path) => path.endsWith('.interop.test.ts')),
    ).toBe(true)
  })

  it('a file that changes its process, itself or by its imports, does not share it', () => {
    const shared = sharingFiles()
    expect(shared.length).toBeGreaterThan(100)
    // By a timer, the console, the environment, and a channel of diagnostics that it imports.
    for (const path of [
      'core/store/deadline.test.ts',
      'guard/policies.test.ts',
      'client/exchanges.test.ts',
      'security/leaks.test.ts',
    ])
      expect([path, shared.includes(`test/${path}`)]).toEqual([path, false])
  })

  it('a file that declares tests is a test file, or a *-suite.ts that a test file uses', () => {
    expect(declaring.length).toBeGreaterThan(150)
    // Runs the tests of other files for each mutant.
    const expected = declaring.filter(
      (path) => !path.endsWith('.test.ts') && path !== 'test/mutation/stay.ts',
    )
    expect(expected.filter((path) => !path.endsWith('-suite.ts'))).toEqual([])
    for (const suite of expected) {
      const users = testFiles.filter((path) => read(path).includes(`/${basename(suite)}'`))
      expect([suite, users.length > 0]).toEqual([suite, true])
    }
  })

  it('the suite rounds has every file that repeats less often in npm test', () => {
    const [, list = ''] = read('test/run.mjs').split("'Tests of chance'")
    const listed = [...list.matchAll(/'(test\/[^']+)'/g)].map(([, path]) => path)
    const repeating = files
      .filter((path) => read(path).includes("support/rounds.ts'") && path !== 'test/suites.test.ts')
      // The cases of sqlite-suite.ts, and the suite of refused uploads.
      .map((path) =>
        path.replace(/sqlite-process-cases\.ts$|-suite\.ts$/, (part) =>
          part.startsWith('-') ? '.test.ts' : 'sqlite.test.ts',
        ),
      )
    expect(listed).toEqual(repeating.sort())
  })

  it('the files that run first exist', () => {
    expect(SLOWEST.filter((path) => !testFiles.includes(`test/${path}`))).toEqual([])
  })

  it('no test is marked skip, only or todo', () => {
    const found = declaring.filter((path) =>
      /^\s*(?:test|it|describe)\.(?:skip|only|todo)\b/m.test(read(path)),
    )
    expect(found).toEqual([])
  })
})

it('each command runs its suite, and continuous integration runs npm test', () => {
  const { scripts } = JSON.parse(read('package.json'))
  expect([scripts.test, scripts['test:fast'], scripts['test:interop']]).toEqual([
    'node test/run.mjs',
    'node test/run.mjs fast',
    'node test/run.mjs interop',
  ])
  expect(scripts['test:rounds']).toBe('node test/run.mjs rounds')
  expect(read('.ci/run')).toMatch(/^npm test$/m)
  const [all = '', fast = '', interop = ''] = read('test/run.mjs').split(
    /^ {2}(?:fast|interop|rounds): /m,
  )
  expect(all).toContain("['vitest', 'run', '--project', 'main*']]")
  expect(fast).toContain("['vitest', 'run', '--project', 'main*', 'test/core/', 'test/adapters/']")
  expect(interop).toContain("['vitest', 'run', '--project', 'interop']")
  expect(interop).toContain("['test/runtimes/run.mjs']")
})
