import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTwinkey, memoryStore } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  entriesOf,
  historyProblem,
  type NotedChange,
  notingStore,
} from '../../benchmarks/experiments/history-account.ts'
import { benchOf, doAgree } from '../../benchmarks/experiments/verify-sides.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, 'node_modules/.cache')

interface Answer {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** What one load measured, as far as this test checks it. */
interface MeasuredLoad {
  readonly ratio: Readonly<Record<string, { readonly median: number }>>
}

/** Runs the command as a person does. */
function figure(...args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['benchmarks/experiments/run.mjs', ...args],
      { cwd: root },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr })
      },
    )
  })
}

/** The one object that was printed. */
function objectIn({ stdout }: Answer): Record<string, unknown> {
  const lines = stdout.split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[1]).toBe('')
  return JSON.parse(lines[0] as string) as Record<string, unknown>
}

describe('npm run figure', () => {
  it('measures the herd: one store read for thousands of requests, in every earlier state of the cache', async () => {
    const answer = await figure('herd', '--quick')
    const result = objectIn(answer)
    expect([answer.code, result['figure'], result['quick'], result['ok']]).toEqual([
      0,
      'herd',
      true,
      true,
    ])
    expect(Number(result['seconds'])).toBeLessThan(30)
    const rows = result['rows'] as Record<string, unknown>[]
    const reads = rows
      .filter(({ store }) => store === 'memory')
      .map(({ by, key, storeReads }) => [by, key, storeReads])
    expect(reads).toEqual(
      ['authenticate', 'http'].flatMap((by) =>
        ['cold', 'aged', 'unknown'].map((key) => [by, key, 1]),
      ),
    )
    expect(answer.stderr).toContain('herd: memory: 10000 requests at once')
  })

  it('measures node:crypto beside jose, and both decide alike about every token', async () => {
    const answer = await figure('verify', '--quick')
    const result = objectIn(answer)
    expect([answer.code, result['figure'], result['ok']]).toEqual([0, 'verify', true])
    expect(Number(result['seconds'])).toBeLessThan(30)
    const rows = result['rows'] as (Record<
      'verifying' | 'signing',
      Record<'alone' | 'atOnce', MeasuredLoad>
    > & { algorithm: string })[]
    expect(rows.map(({ algorithm }) => algorithm)).toEqual(['ES256', 'EdDSA', 'RS256', 'PS256'])
    for (const { verifying, signing } of rows) {
      for (const { ratio } of [verifying.alone, verifying.atOnce, signing.alone, signing.atOnce]) {
        for (const { median } of Object.values(ratio)) expect(median).toBeGreaterThan(0)
      }
    }
  })

  it.each(['ES256', 'EdDSA', 'RS256', 'PS256'] as const)(
    'reports when the sides of the figure of verification disagree: %s',
    async (algorithm) => {
      const bench = await benchOf(algorithm, 2)
      expect(await doAgree(bench)).toBe(true)
      expect(await doAgree({ ...bench, forged: bench.good })).toBe(false)
      expect(await doAgree({ ...bench, good: bench.forged })).toBe(false)
      const other = await benchOf(algorithm, 1)
      expect(await doAgree({ ...bench, node: other.node })).toBe(false)
    },
  )

  it('measures what limited keyrings do beyond their limits: nothing', async () => {
    const answer = await figure('within', '--quick')
    const result = objectIn(answer)
    expect([answer.code, result['figure'], result['ok']]).toEqual([0, 'within', true])
    const rows = result['rows'] as { judged: number; compared: number; problem: string | null }[]
    for (const { judged, compared, problem } of rows) {
      expect(problem).toBeNull()
      expect(Math.min(judged, compared)).toBeGreaterThan(0)
    }
  })

  it('reports a change without its entry, and an entry without its change', async () => {
    const noted: NotedChange[] = []
    const store = memoryStore()
    const { keys } = createTwinkey({
      store: notingStore(store, (change) => void noted.push(change)),
    })
    const { key } = await keys.create({ name: 'k', scope: { tenants: ['t'], workflows: '*' } })
    await keys.update(key.id, { name: 'l' })
    await keys.disable(key.id)
    const record = await store.get(key.id)
    const all = await entriesOf(store, { keyId: key.id })
    expect(all).toHaveLength(3)
    expect(historyProblem(noted, all, record)).toBeUndefined()
    expect(historyProblem(noted, all.slice(0, 2), record)).toMatch(/^the entries lead to version/)
    expect(historyProblem(noted, all.slice(1), record)).toMatch(/does not follow/)
    expect(historyProblem(noted, all.toSpliced(1, 1), record)).toMatch(/does not follow/)
    expect(historyProblem(noted, [...all, ...all.slice(2)], record)).toMatch(/does not follow/)
    expect(historyProblem(noted.slice(0, 2), all, record)).toMatch(/nobody intended/)
    expect(historyProblem(noted, all, undefined)).toMatch(/^the entries lead to version/)
    await keys.delete(key.id)
    const ended = await entriesOf(store, { keyId: key.id })
    expect(historyProblem(noted, ended, undefined)).toBeUndefined()
    expect(historyProblem(noted, ended, record)).toMatch(/^the entries lead to version null/)
  })

  it('lists every figure with its title', async () => {
    const { code, stdout } = await figure('--list')
    const names = stdout.split('\n').map((line) => line.split(': ')[0])
    expect([code, names.slice(0, -1)]).toEqual([
      0,
      [
        ...[
          'capacity',
          'client',
          'consumer',
          'encodings',
          'faults',
          'floods',
          'fuzz',
          'herd',
          'kill',
          'races',
        ],
        ...['revocation', 'scale', 'screenshots', 'timing', 'verify', 'within'],
      ],
    ])
    const files = readdirSync(join(root, 'benchmarks/experiments'))
    for (const name of names.slice(0, -1)) expect(files).toContain(`${name}.ts`)
  })

  it.each([
    [['no-such-figure']],
    [[]],
    [['herd', 'capacity']],
    [['herd', '--fast']],
    [['--list', 'herd']],
  ])('answers %j with 2 and the known names', async (args) => {
    const { code, stdout, stderr } = await figure(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/\nFigures: .*\bcapacity, .*\bherd\b/)
  })
})

describe('a figure', () => {
  const figures: Record<string, string> = {
    holds:
      "console.log('noise'); options.progress('half way'); return { ok: true, counted: options.quick ? 1 : 2 }",
    broken: 'return { ok: false, counted: 3 }',
    throwing: "throw new RangeError('no such thing')",
    rejecting:
      "void Promise.reject(new Error('nobody listens')); await new Promise((go) => setTimeout(go, 500)); return { ok: true }",
    leaving: 'setInterval(() => {}, 1000); return { ok: true, counted: 4 }',
    waiting: 'await new Promise(() => {}); return { ok: true }',
    exiting: 'process.exit(0)',
    dying:
      "process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => {}, 9000)); return { ok: true }",
    silent: 'return { counted: 5 }',
  }
  let folder: string

  beforeAll(() => {
    mkdirSync(cache, { recursive: true })
    folder = mkdtempSync(join(cache, 'twinkey-figures-'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
    for (const [name, body] of Object.entries(figures)) {
      const run = `async run(options: { quick: boolean; progress: (line: string) => void }) { ${body} }`
      writeFileSync(
        join(folder, `${name}.ts`),
        `export const figure = { name: '${name}', title: 'for a test', ${run} }\n`,
      )
    }
    writeFileSync(
      join(folder, 'misnamed.ts'),
      "export const figure = { name: 'other', title: 'for a test', run: async () => ({ ok: true }) }\n",
    )
    writeFileSync(
      join(folder, 'unloadable.ts'),
      "import './not-there.ts'\nexport const figure = { name: 'unloadable' }\n",
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('that holds exits with 0, and what it prints itself goes to stderr', async () => {
    const answer = await figure('holds', '--in', folder)
    expect([answer.code, objectIn(answer)]).toEqual([
      0,
      { figure: 'holds', quick: false, seconds: expect.any(Number), ok: true, counted: 2 },
    ])
    expect(answer.stderr).toContain('noise')
    expect(answer.stderr).toContain('holds: half way')
    expect(objectIn(await figure('holds', '--quick', '--json', '--in', folder))).toMatchObject({
      quick: true,
      counted: 1,
    })
  })

  it.concurrent.each<[string, string, Record<string, unknown>]>([
    ['does not hold', 'broken', { counted: 3 }],
    ['throws', 'throwing', { error: 'RangeError: no such thing' }],
    ['has a rejection that nobody handles', 'rejecting', { error: 'Error: nobody listens' }],
    [
      'leaves something open',
      'leaving',
      { counted: 4, error: expect.stringContaining('It has left open: ') },
    ],
    [
      'waits for what never comes',
      'waiting',
      { error: expect.stringContaining('without a result') },
    ],
    ['exits', 'exiting', { error: expect.stringContaining('without a result') }],
    ['is killed', 'dying', { error: 'It ended with SIGKILL.' }],
    ['answers no verdict', 'silent', { error: expect.stringContaining('{ ok, ...counts }') }],
    ['is not named like its file', 'misnamed', { error: expect.stringContaining('misnamed.ts') }],
    ['cannot be loaded', 'unloadable', { error: expect.stringContaining('not-there.ts') }],
  ])('that %s exits with 1, and the object says so', async (_what, name, expected) => {
    const answer = await figure(name, '--in', folder)
    expect([name, answer.code]).toEqual([name, 1])
    expect(objectIn(answer)).toMatchObject({ figure: name, ok: false, ...expected })
  })
})
