import { execFile } from 'node:child_process'
import { expect, it } from 'vitest'
import { root } from './run-figure.ts'

// The part with servers takes several minutes and is left out.
const PARTS = ['core', 'tokens', 'memory', 'import', 'growth']

it('npm run bench measures every part except the servers', { timeout: 300_000 }, async () => {
  const { code, stdout, stderr } = await new Promise<{
    code: number | null
    stdout: string
    stderr: string
  }>((resolve) => {
    const child = execFile(
      process.execPath,
      ['benchmarks/speed/run.mjs', '--quick', '--json', '--only', PARTS.join(',')],
      { cwd: root },
      (_error, out, err) => resolve({ code: child.exitCode, stdout: out, stderr: err }),
    )
  })
  expect(code, stderr).toBe(0)
  const { rows, verdicts } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as {
    rows: { part: string; name: string; value: { median: number } }[]
    verdicts: { what: string; ok: boolean; median: number }[]
  }
  for (const part of PARTS) {
    const ours = rows.filter((row) => row.part === part && /twinkey/i.test(row.name))
    expect(ours.length, part).toBeGreaterThan(0)
    for (const { value } of ours) expect(value.median).toBeGreaterThan(0)
  }
  expect(verdicts.length).toBeGreaterThan(8)
})
