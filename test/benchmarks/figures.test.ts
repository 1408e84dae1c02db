import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createTwinkey, memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import {
  entriesOf,
  historyProblem,
  type NotedChange,
  notingStore,
} from '../../benchmarks/experiments/history-account.ts'
import { benchOf, doAgree } from '../../benchmarks/experiments/verify-sides.ts'
import { figure, root } from './run-figure.ts'

describe('npm run figure', () => {
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
          'cli',
          'client',
          'consumer',
          'encodings',
          'faults',
          'floods',
          'fuzz',
          'herd',
          'kill',
          'limits',
          'networks',
          'races',
        ],
        ...[
          'revocation',
          'scale',
          'screenshots',
          'site-screenshots',
          'telemetry',
          'terminal',
          'timing',
          'verify',
          'webhooks',
          'within',
        ],
      ],
    ])
    const files = readdirSync(join(root, 'benchmarks/experiments'))
    for (const name of names.slice(0, -1)) expect(files).toContain(`${name}.ts`)
  })

  it.each([[['no-such-figure']], [['herd', '--fast']]])(
    'answers %j with 2 and the known names',
    async (args) => {
      const { code, stdout, stderr } = await figure(...args)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(/\nFigures: .*\bcapacity, .*\bherd\b/)
    },
  )
})
