import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

// Runs every suite of this folder again on Bun: the same tables and fixtures, on Bun's hosts.

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '../..')
const suites = readdirSync(here).filter(
  (name) => name.endsWith('.test.ts') && !name.endsWith('.interop.test.ts'),
)
const HOSTS = ['web on Bun', 'Hono 4 on Bun', 'Express 5', 'Fastify 5']

/** A test as the runner reports it. */
interface Outcome {
  readonly ancestorTitles: readonly string[]
  readonly title: string
  readonly status: string
  readonly failureMessages: readonly string[]
}

// A plain handler cannot change the Request that a logger around it holds. Such a logger uses
// `redactUrl`, which is tested there too.
const CANNOT_BE = ['what a logger sees on web on Bun', /^Flowgear: .*(is|are) gone /] as const

const outcomes = new Map<string, readonly Outcome[]>()

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-bun-'))
  try {
    const report = join(folder, 'report.json')
    const said = await runOnBun([
      'run',
      ...suites.map((name) => `test/http/${name}`),
      '--reporter=json',
      `--outputFile=${report}`,
    ])
    const { testResults } = JSON.parse(readReport(report, said)) as {
      testResults: { name: string; assertionResults: Outcome[] }[]
    }
    for (const { name, assertionResults } of testResults)
      outcomes.set(suites.find((suite) => name.endsWith(`/${suite}`)) ?? name, assertionResults)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe.each(suites)('on Bun, %s', (suite) => {
  test.each([...HOSTS, ''])('holds on %s', (host) => {
    const own = (outcomes.get(suite) ?? []).filter(({ ancestorTitles }) => {
      const title = ancestorTitles.join(' ')
      return host === '' ? !HOSTS.some((each) => title.endsWith(each)) : title.endsWith(host)
    })
    const failed = own.filter(({ status, ancestorTitles, title }) => {
      return (
        status !== 'passed' && !(ancestorTitles.includes(CANNOT_BE[0]) && CANNOT_BE[1].test(title))
      )
    })
    expect(
      failed.map(({ title, failureMessages }) => `${title}: ${failureMessages[0]?.split('\n')[0]}`),
    ).toEqual([])
  })

  test('ran as many tests on each host', () => {
    expect(new Set(HOSTS.map((host) => countOf(suite, host))).size).toBe(1)
  })
})

test('on Bun, most suites have a test for each host', () => {
  expect(suites.filter((suite) => countOf(suite, 'web on Bun') > 0).length).toBeGreaterThan(
    suites.length / 2,
  )
})

test('each test that is exempt on Bun fails there', () => {
  const excepted = [...outcomes.values()]
    .flat()
    .filter(
      ({ ancestorTitles, title }) =>
        ancestorTitles.includes(CANNOT_BE[0]) && CANNOT_BE[1].test(title),
    )
  expect(excepted.filter(({ status }) => status === 'passed')).toEqual([])
})

function countOf(suite: string, host: string): number {
  return (outcomes.get(suite) ?? []).filter(({ ancestorTitles }) =>
    ancestorTitles.join(' ').endsWith(host),
  ).length
}

function runOnBun(args: readonly string[]): Promise<string> {
  // Without the variables that this runner sets for its own children.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_OPTIONS|NODE_PATH)/.test(name)),
  )
  const bun = join(root, 'node_modules/.bin/bun')
  const child = spawn(bun, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  return new Promise((resolve, reject) =>
    child.on('error', reject).on('close', () => resolve(said)),
  )
}

function readReport(path: string, said: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new Error(`Bun wrote no report. It said: ${said.slice(0, 4000)}`)
  }
}
