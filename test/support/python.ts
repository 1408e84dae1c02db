import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { debianProgram } from './debian.ts'

/** Runs a program of Python's standard library to its end. @returns What it printed. */
export async function runPython(program: string, args: readonly string[]): Promise<string> {
  const { path, env } = await debianProgram('python3', '--version', (root) => ({
    PYTHONHOME: join(root, 'usr'),
  }))
  const child = spawn(path, ['-c', program, ...args], { env: { ...process.env, ...env } })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      printed += text
    })
  }
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`python3 ended with ${code}: ${printed.slice(-2000)}`)
  return printed
}
