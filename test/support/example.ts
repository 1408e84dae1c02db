import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'

const start = fileURLToPath(new URL('../../examples/start.mjs', import.meta.url))

/** Runs an example to its end, requires exit code 0, and returns its output. */
export async function runExample(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  // In its own process group, so that its child processes end with it.
  const program = spawn(process.execPath, ['--test-reporter=tap', start, name], {
    env: { ...process.env, ...env },
    detached: true,
  })
  const ended = once(program, 'close')
  onTestFinished(() => {
    try {
      process.kill(-(program.pid as number), 'SIGKILL')
    } catch {
      // The process group has ended already.
    }
  })
  let printed = ''
  let complaint = ''
  program.stdout.on('data', (chunk) => {
    printed += chunk
  })
  program.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const [code] = await ended
  expect({ code, complaint }, printed).toEqual({ code: 0, complaint: '' })
  return printed
}

/**
 * The lines of a tour. The number of calls varies, so a number of at least this many becomes
 * `many`.
 */
export function linesOf(printed: string, many = 100): string[] {
  const lines = printed.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) =>
    line
      .trim()
      .replace(/^\d+(?= calls meanwhile)/, (count) => (Number(count) >= many ? 'many' : count)),
  )
}
