import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { secretPattern } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { figure, objectIn, root } from './run-figure.ts'

const cache = join(root, 'node_modules/.cache')

/** What one load measured, as far as this test checks it. */
interface MeasuredLoad {
  readonly ratio: Readonly<Record<string, { readonly median: number }>>
}

// They start servers and several processes, which takes up to half a minute each.
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

  it('measures how many requests at once a limit lets in: exactly as many as it allows', async () => {
    const answer = await figure('limits', '--quick')
    const result = objectIn(answer)
    expect([answer.code, result['figure'], result['ok']]).toEqual([0, 'limits', true])
    const rows = result['rows'] as Record<string, unknown>[]
    expect(rows.map(({ by, letIn, refused }) => [by, letIn, refused])).toEqual([
      ['redis', 160, 1440],
      ['postgres', 160, 1440],
    ])
  })

  it('measures what a receiver of webhooks misses while it fails and the sender is killed: nothing', async () => {
    const answer = await figure('webhooks', '--quick')
    const result = objectIn(answer)
    expect([answer.code, result['figure'], result['ok']]).toEqual([0, 'webhooks', true])
    const { events, kills, lost, disordered } = result
    expect([events, kills, lost, disordered]).toEqual([500, 3, 0, 0])
  })

  it('plays the session of the command line: both secrets work after a rotation, and the old one ends', async () => {
    const answer = await figure('cli', '--quick')
    const result = objectIn(answer)
    expect([answer.code, result['figure'], result['ok']]).toEqual([0, 'cli', true])
    expect(result['rows']).toEqual([
      {
        store: 'sqlite',
        statuses: { none: 401, before: 200, old: 200, next: 200, ended: 401, last: 200 },
        seconds: expect.objectContaining({ install: expect.any(Number) }),
      },
    ])
    expect(answer.stderr).toContain('cli: $ npx twinkey keys rotate ')
    expect(answer.stderr).not.toMatch(new RegExp(secretPattern('acme')))
    // It installs packages from a registry.
  }, 120_000)
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
