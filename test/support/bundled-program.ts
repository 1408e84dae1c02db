import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

const root = join(import.meta.dirname, '../..')
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const programs = new Map<string, string>()

/**
 * The path of a TypeScript program of the tests as one JavaScript file, which starts in a quarter of
 * the time that a TypeScript loader needs. Its dependencies are resolved from the project. The file
 * is removed when this process ends.
 */
export function bundledProgram(path: string): string {
  const earlier = programs.get(path)
  if (earlier !== undefined) return earlier
  const folder = mkdtempSync(join(cache, 'program-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'program.mjs')
  buildSync({
    entryPoints: [path],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    alias: { '#hash': join(root, 'src/core/secrets/hash.node.ts') },
  })
  programs.set(path, program)
  return program
}
