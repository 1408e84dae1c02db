import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const test = dirname(fileURLToPath(import.meta.url))

/** What a file must not have to share its process: it changes the process, or measures its memory or its speed. */
export const CHANGES_PROCESS =
  /\bvi\.(?:mock|doMock|stub\w+|spyOn|useFakeTimers|setSystemTime|resetModules)\b|\bsinon\b|diagnostics_channel|\bprocess\.(?:on|once|off|emit|chdir|exitCode)\b|\b(?:globalThis|process\.env)(?:\.\w+|\['\w+'\]) =|\bdelete process\.env|defineProperty\((?:globalThis|process)\b|\bmemoryUsage\b|\bgc\b|\bperformance\.now\b|\bhrtime\b|\/benchmarks\//

/**
 * The test files that can run in one process, one after another, which saves the start of a process
 * and the imports for each of them.
 */
export function sharingFiles(): string[] {
  return readdirSync(test, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.test.ts') && !path.endsWith('.interop.test.ts'))
    .filter((path) => !filesOf(join(test, path)).some(changesProcess))
    .map((path) => `test/${path}`)
    .sort()
}

const changesProcess = (path: string) => CHANGES_PROCESS.test(readFileSync(path, 'utf8'))

/** A file of the tests, and all that it imports from them. */
function filesOf(path: string, found = new Set<string>()): readonly string[] {
  if (found.has(path) || !path.startsWith(test) || !existsSync(path)) return []
  found.add(path)
  for (const [, imported = ''] of readFileSync(path, 'utf8').matchAll(/ from '(\.[^']+)'/g))
    filesOf(join(dirname(path), imported), found)
  return [...found]
}
