import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

interface Answer {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command as a person does. */
export function figure(...args: string[]): Promise<Answer> {
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
export function objectIn({ stdout }: Answer): Record<string, unknown> {
  const lines = stdout.split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[1]).toBe('')
  return JSON.parse(lines[0] as string) as Record<string, unknown>
}
