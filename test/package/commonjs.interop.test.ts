import { execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProject, type Project } from '../support/project.ts'

// What the classic template of NestJS has: CommonJS, the module resolution of Node 10, and Jest.
describe('a project in CommonJS', () => {
  let project: Project

  beforeAll(() => {
    project = createProject(
      'commonjs',
      [
        ...(['express', '@types/express', '@types/node', 'typescript@5'] as const),
        ...(['jest', 'ts-jest', '@types/jest'] as const),
      ],
      'commonjs',
    )
    const sources = fileURLToPath(new URL('commonjs', import.meta.url))
    cpSync(sources, project.folder, { recursive: true })
  })
  afterAll(() => project.remove())

  test('is tested by Jest with the line of the documentation', () => {
    const report = JSON.parse(project.run('jest', ['--json', '--silent']))
    expect([report.success, report.numPassedTests]).toEqual([true, 1])
  })

  test('compiles with TypeScript 5.9, and runs', () => {
    project.run('tsc', [])
    const compiled = join(project.folder, 'out/keys.js')
    expect(execFileSync(process.execPath, [compiled], { encoding: 'utf8' }).trim()).toBe('true')
  })
})
